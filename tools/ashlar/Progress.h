//===- Progress.h - What a terminal shows meanwhile ------------*- C++ -*-===//

#ifndef ASHLAR_TOOLS_ASHLAR_PROGRESS_H
#define ASHLAR_TOOLS_ASHLAR_PROGRESS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

namespace ashlar::tool {

/// A line on standard error while long work is under way. Silent unless that
/// is a terminal.
class Progress {
public:
  explicit Progress(const llvm::Twine &text) { show(text); }
  ~Progress() { clear(); }

  void show(const llvm::Twine &text) {
    if (!terminal)
      return;
    clear();
    llvm::errs() << text << " ...";
    shown = true;
  }
  void clear() {
    if (shown)
      llvm::errs() << "\r\033[K";
    shown = false;
  }

private:
  bool terminal = llvm::sys::Process::StandardErrIsDisplayed();
  bool shown = false;
};

} // namespace ashlar::tool

#endif // ASHLAR_TOOLS_ASHLAR_PROGRESS_H
