module skyloom.dev/skyloom

go 1.24
