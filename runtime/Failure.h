#ifndef LATHE_RUNTIME_FAILURE_H
#define LATHE_RUNTIME_FAILURE_H

#include "runtime/include/lathe.h"

#include <exception>
#include <sstream>
#include <string>

namespace lathe::runtime {

/// What the C boundary turns into a lathe_status. The parts are streamed one behind the other into the message.
class Failure : public std::exception {
public:
  template <typename... Parts> explicit Failure(lathe_code code, const Parts &...parts) : statusCode(code) {
    std::ostringstream stream;
    (stream << ... << parts);
    text = stream.str();
  }

  lathe_code code() const { return statusCode; }
  const std::string &message() const { return text; }
  const char *what() const noexcept override { return text.c_str(); }

private:
  lathe_code statusCode;
  std::string text;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_FAILURE_H
