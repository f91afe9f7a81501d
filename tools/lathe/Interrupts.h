#ifndef LATHE_TOOLS_LATHE_INTERRUPTS_H
#define LATHE_TOOLS_LATHE_INTERRUPTS_H

namespace lathe::tools {

/// While one lives, Ctrl-C is only noted, so that what is under way can end cleanly. A second Ctrl-C before the first
/// is forgotten ends the program at once. There is one at a time.
class Interrupts {
public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts &) = delete;

  bool noted() const;
  void forget();
  /// Waits until `file` can be read; false if Ctrl-C came instead.
  bool waitFor(int file) const;
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_INTERRUPTS_H
