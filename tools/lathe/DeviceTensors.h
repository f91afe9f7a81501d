#ifndef LATHE_TOOLS_LATHE_DEVICETENSORS_H
#define LATHE_TOOLS_LATHE_DEVICETENSORS_H

#include "tools/lathe/Handles.h"

#include <vector>

namespace lathe::tools {

/// Tensors in a GPU's memory, and a stream to run calls on and wait for, so that copies to and from the host are not
/// part of what is timed. `Run` finds the primary context that the device uses.
class DeviceTensors {
public:
  /// On the GPU of this number. Throws CommandFailure.
  explicit DeviceTensors(int ordinal);
  ~DeviceTensors();
  DeviceTensors(const DeviceTensors &) = delete;
  DeviceTensors &operator=(const DeviceTensors &) = delete;

  /// Moves the tensor: its data are copied, and it points to them.
  void move(lathe_tensor &tensor);
  void *stream() const;
  /// Until all that the stream was given is done.
  void wait() const;

private:
  struct Implementation;
  std::unique_ptr<Implementation> it;
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_DEVICETENSORS_H
