/*===- start.c - Where an executable begins --------------------------- C -*-===*\
|*
|* The kernel enters here with argc at the stack pointer and the dynamic loader's
|* exit function in a register. Executables carry this instead of crt1.o, so that
|* compiling one needs no development files of libc.
|*
\*===----------------------------------------------------------------------===*/

int main(int argc, char **argv, char **environment);

int __libc_start_main(int (*main_function)(int, char **, char **), int argc,
                      char **argv, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void *stack_end);

/* stack: argc, then argv[argc + 1], then the environment. */
__attribute__((used, noreturn)) static void start(long *stack,
                                                  void (*loader_fini)(void)) {
  __libc_start_main(main, (int)stack[0], (char **)(stack + 1), 0, 0,
                    loader_fini, stack);
  __builtin_trap();
}

__attribute__((naked, noreturn, used)) void _start(void) {
  __asm__("xorl %%ebp, %%ebp\n\t" /* the outermost frame */
          "movq %%rsp, %%rdi\n\t"
          "movq %%rdx, %%rsi\n\t"
          "andq $-16, %%rsp\n\t"
          "call %P0\n\t"
          "hlt"
          :
          : "i"(start));
}
