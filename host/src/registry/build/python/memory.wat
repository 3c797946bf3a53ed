;; A library that is linked into a component of Python while it is built.
;;
;; A component is a picture of an interpreter's memory after its start. This makes the start the
;; same each time, so that the picture is: it sets the environment before the interpreter reads it,
;; and clears what C code drew by chance, took from the clock, or left on the stack.
;;
;; The places are those of componentize-py 0.25.1, which always lays memory out in this way.
(module
  (@dylink.0 (mem-info (memory 168 4) (table 0 0)))
  (import "env" "memory" (memory 1))
  (import "env" "__memory_base" (global $base i32))
  (import "env" "__stack_pointer" (global $stack (mut i32)))
  (import "env" "setenv" (func $setenv (param i32 i32 i32) (result i32)))
  (import "env" "malloc" (func $malloc (param i32) (result i32)))
  (import "env" "free" (func $free (param i32)))
  (import "env" "PyModule_Create2" (func $module (param i32 i32) (result i32)))

  (func $set (param $name i32) (param $value i32)
    (drop (call $setenv
      (i32.add (global.get $base) (local.get $name))
      (i32.add (global.get $base) (local.get $value))
      (i32.const 1))))

  ;; Runs before the interpreter starts.
  (func (export "__wasm_call_ctors")
    (call $set (i32.const 0) (i32.const 15))
    (call $set (i32.const 17) (i32.const 41))
    (call $set (i32.const 43) (i32.const 54)))

  ;; Takes so many pieces of memory of this size, clears them, and chains them to those in hand.
  (func $take (param $size i32) (param $count i32) (param $hand i32) (result i32)
    (local $piece i32)
    (loop $next
      (local.set $piece (call $malloc (local.get $size)))
      (if (i32.eqz (local.get $piece)) (then (unreachable)))
      (memory.fill (local.get $piece) (i32.const 0) (local.get $size))
      (i32.store (local.get $piece) (local.get $hand))
      (local.set $hand (local.get $piece))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (local.get $hand))

  ;; Clears the memory that was given back, by taking it all: the large pieces first, then what is
  ;; left between them. The allocator puts four bytes before each, and cuts by sixteen.
  (func $wash
    (local $hand i32) (local $next i32) (local $size i32)
    (local.set $size (i32.const 65536))
    (loop $smaller
      (local.set $hand (call $take
        (i32.sub (local.get $size) (i32.const 4))
        (i32.add (i32.const 16) (i32.div_u (i32.const 262144) (local.get $size)))
        (local.get $hand)))
      (local.set $size (i32.shr_u (local.get $size) (i32.const 1)))
      (br_if $smaller (i32.ge_u (local.get $size) (i32.const 16))))
    (block $done
      (loop $give
        (br_if $done (i32.eqz (local.get $hand)))
        (local.set $next (i32.load (local.get $hand)))
        (call $free (local.get $hand))
        (local.set $hand (local.get $next))
        (br $give))))

  ;; Python asks for a module, and gets an empty one; what counts is what happens on the way.
  (func (export "PyInit_skyloom_first") (export "PyInit_skyloom_last") (result i32)
    (local $definition i32)
    (call $wash)
    ;; The stack, down from here.
    (memory.fill (i32.const 4096) (i32.const 0) (i32.sub (global.get $stack) (i32.const 4096)))
    ;; What guards the stack, in its two places.
    (memory.fill (i32.const 0x0ffffc) (i32.const 0) (i32.const 4))
    (memory.fill (i32.const 0x43db74) (i32.const 0) (i32.const 4))
    ;; The allocator's chance: its cookie and keys, the key of its stream, what it drew last.
    (memory.fill (i32.const 0x37cd5c) (i32.const 0) (i32.const 12))
    (memory.fill (i32.const 0x37cd78) (i32.const 0) (i32.const 32))
    (memory.fill (i32.const 0x37cda8) (i32.const 0) (i32.const 64))
    ;; When the allocator began, and the process.
    (memory.fill (i32.const 0x400378) (i32.const 0) (i32.const 8))
    (memory.fill (i32.const 0x43ef20) (i32.const 0) (i32.const 16))
    ;; A `PyModuleDef` with nothing but a name, for version 1013 of Python's C interface.
    (local.set $definition (i32.add (global.get $base) (i32.const 104)))
    (i32.store (local.get $definition) (i32.const 1))
    (i32.store offset=20 (local.get $definition) (i32.add (global.get $base) (i32.const 82)))
    (call $module (local.get $definition) (i32.const 1013)))

  (data (global.get $base) "PYTHONHASHSEED\000\00PYTHONDONTWRITEBYTECODE\001\00PYTHONPATH\00/0/python.zip:/0/plugin.zip\00skyloom_memory\00"))
