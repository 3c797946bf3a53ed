;; What a language's runtime asks of WASI preview 1, answered without a world outside: a clock
;; that counts its readers, a fixed stream in place of chance, no arguments, no environment, no
;; files, no sockets. What is written to standard output and error goes to the plugin's log.
;;
;; It keeps no memory of its own: Go's runtime takes all memory that is there for its own.
(module
  (import "env" "memory" (memory 0))
  ;; Level, text, length.
  (import "skyloom:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))

  ;; Nanoseconds since 1970; at first the epoch J2000, taken as UTC.
  (global $now (mut i64) (i64.const 946728000000000000))
  (global $random (mut i64) (i64.const 0))

  (func $nothing (export "args_sizes_get") (export "environ_sizes_get")
    (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  (func (export "clock_res_get") (param $clock i32) (param $result i32) (result i32)
    (i64.store (local.get $result) (i64.const 1000))
    (i32.const 0))

  ;; A microsecond goes by whenever somebody looks.
  (func (export "clock_time_get")
    (param $clock i32) (param $precision i64) (param $result i32) (result i32)
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get $result) (global.get $now))
    (i32.const 0))

  ;; Who sleeps wakes at once, and the clock has moved on. Who waits for a file is told that
  ;; there is none (badf).
  (func (export "poll_oneoff")
    (param $in i32) (param $out i32) (param $count i32) (param $result i32) (result i32)
    (local $index i32) (local $at i32) (local $events i32)
    (local $before i64) (local $wake i64) (local $due i64)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28))))
    (local.set $before (global.get $now))
    (local.set $wake (i64.const -1))
    (loop $each
      (local.set $at (i32.add (local.get $in) (i32.mul (local.get $index) (i32.const 48))))
      (local.set $due (call $due (local.get $at) (local.get $before)))
      (if (i64.lt_u (local.get $due) (local.get $wake)) (then (local.set $wake (local.get $due))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $index) (local.get $count))))
    (if (i64.gt_u (local.get $wake) (global.get $now)) (then (global.set $now (local.get $wake))))
    (local.set $index (i32.const 0))
    (loop $each
      (local.set $at (i32.add (local.get $in) (i32.mul (local.get $index) (i32.const 48))))
      (local.set $due (call $due (local.get $at) (local.get $before)))
      (if (i64.le_u (local.get $due) (global.get $now))
        (then
          (i64.store (local.get $out) (i64.load (local.get $at)))
          ;; The type; of anything but a clock, the error as well.
          (i64.store offset=8 (local.get $out)
            (i64.shl (i64.load8_u offset=8 (local.get $at)) (i64.const 16)))
          (if (i32.load8_u offset=8 (local.get $at))
            (then (i32.store16 offset=8 (local.get $out) (i32.const 8))))
          (i64.store offset=16 (local.get $out) (i64.const 0))
          (i64.store offset=24 (local.get $out) (i64.const 0))
          (local.set $out (i32.add (local.get $out) (i32.const 32)))
          (local.set $events (i32.add (local.get $events) (i32.const 1)))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $each (i32.lt_u (local.get $index) (local.get $count))))
    (i32.store (local.get $result) (local.get $events))
    (i32.const 0))

  ;; When a subscription is due: a clock's at its time, anything else at once.
  (func $due (param $at i32) (param $before i64) (result i64)
    (if (i32.load8_u offset=8 (local.get $at)) (then (return (i64.const 0))))
    (if (i32.and (i32.load16_u offset=40 (local.get $at)) (i32.const 1))
      (then (return (i64.load offset=24 (local.get $at)))))
    (i64.add (local.get $before) (i64.load offset=24 (local.get $at))))

  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param $code i32) unreachable)

  ;; The sequence SplitMix64 of Steele, Lea and Flood (2014, doi:10.1145/2660193.2660195), seed 0.
  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $word i64) (local $left i32)
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $length)))
        (if (i32.eqz (local.get $left))
          (then
            (global.set $random (i64.add (global.get $random) (i64.const 0x9e3779b97f4a7c15)))
            (local.set $word (global.get $random))
            (local.set $word (i64.mul
              (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 30)))
              (i64.const 0xbf58476d1ce4e5b9)))
            (local.set $word (i64.mul
              (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 27)))
              (i64.const 0x94d049bb133111eb)))
            (local.set $word
              (i64.xor (local.get $word) (i64.shr_u (local.get $word) (i64.const 31))))
            (local.set $left (i32.const 8))))
        (i64.store8 (local.get $at) (local.get $word))
        (local.set $word (i64.shr_u (local.get $word) (i64.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $each)))
    (i32.const 0))

  ;; Standard input is at its end.
  (func (export "fd_read")
    (param $fd i32) (param $vectors i32) (param $count i32) (param $result i32) (result i32)
    (if (local.get $fd) (then (return (i32.const 8))))
    (i32.store (local.get $result) (i32.const 0))
    (i32.const 0))

  ;; Each piece is a line of the log, a warning if it goes to standard error.
  (func (export "fd_write")
    (param $fd i32) (param $vectors i32) (param $count i32) (param $result i32) (result i32)
    (local $at i32) (local $length i32) (local $written i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8))))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $vectors)))
        (local.set $length (i32.load offset=4 (local.get $vectors)))
        (local.set $written (i32.add (local.get $written) (local.get $length)))
        (local.set $length (call $without_newline (local.get $at) (local.get $length)))
        (if (local.get $length)
          (then (call $log (local.get $fd) (local.get $at) (local.get $length))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $each)))
    (i32.store (local.get $result) (local.get $written))
    (i32.const 0))

  (func $without_newline (param $at i32) (param $length i32) (result i32)
    (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
    (i32.sub (local.get $length) (i32.eq (i32.const 10)
      (i32.load8_u (i32.sub (i32.add (local.get $at) (local.get $length)) (i32.const 1))))))

  ;; The three standard streams are terminals of sorts: character devices with all rights.
  (func (export "fd_fdstat_get") (param $fd i32) (param $result i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (i64.store (local.get $result) (i64.const 2))
    (i64.store offset=8 (local.get $result) (i64.const -1))
    (i64.store offset=16 (local.get $result) (i64.const -1))
    (i32.const 0))

  ;; There is no file to do any of this to (badf).
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_datasync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "proc_raise") (param i32) (result i32) (i32.const 8))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8))
)
