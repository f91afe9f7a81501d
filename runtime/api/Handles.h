#ifndef LATHE_RUNTIME_API_HANDLES_H
#define LATHE_RUNTIME_API_HANDLES_H

#include "runtime/Program.h"
#include "runtime/engine/Engine.h"
#include "runtime/session/Session.h"
#include "runtime/tokenizer/TextDecoder.h"

#include <memory>

// The opaque types of lathe.h: each is a reference to what it names.

struct lathe_program {
  std::shared_ptr<const lathe::runtime::Program> object;
};

struct lathe_device {
  std::shared_ptr<lathe::runtime::Device> object;
};

struct lathe_group {
  std::shared_ptr<lathe::runtime::Group> object;
};

struct lathe_session {
  std::shared_ptr<lathe::runtime::Session> object;
};

struct lathe_sequence {
  std::shared_ptr<lathe::runtime::Session> session;
  lathe::runtime::SequenceState state;
};

struct lathe_engine {
  std::shared_ptr<lathe::runtime::Engine> object;
};

struct lathe_request {
  std::shared_ptr<lathe::runtime::Engine> engine;
  std::shared_ptr<lathe::runtime::Request> object;
  lathe::runtime::RequestOutput taken; ///< what the last poll gave out
};

struct lathe_tokenizer {
  std::shared_ptr<const lathe::runtime::Tokenizer> object;
};

struct lathe_text_decoder {
  std::shared_ptr<const lathe::runtime::Tokenizer> tokenizer;
  lathe::runtime::TextDecoder object;
};

#endif // LATHE_RUNTIME_API_HANDLES_H
