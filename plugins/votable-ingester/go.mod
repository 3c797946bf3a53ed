module votable-ingester

go 1.24
