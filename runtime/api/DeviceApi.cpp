#include "runtime/api/Handles.h"
#include "runtime/api/Status.h"
#include "runtime/cpu/CpuDevice.h"
#include "runtime/cuda/CudaDevice.h"

using namespace lathe::runtime;

lathe_status lathe_device_create(const lathe_device_options *options, lathe_device **out_device) {
  return guarded("lathe_device_create", [&] {
    require(out_device, "out_device");
    *out_device = nullptr;
    lathe_device_options read = readOptions(options, /*required=*/false);
    switch (read.kind) {
    case LATHE_DEVICE_CPU:
      *out_device = new lathe_device{std::make_shared<CpuDevice>(read)};
      return;
    case LATHE_DEVICE_CUDA:
      *out_device = new lathe_device{std::make_shared<cuda::CudaDevice>(read.ordinal)};
      return;
    }
    throw Failure(LATHE_INVALID_ARGUMENT, "kind is ", int(read.kind), " but must be 0 (CPU) or 1 (CUDA)");
  });
}

void lathe_device_release(lathe_device *device) { delete device; }

const char *lathe_device_description(const lathe_device *device) { return device->object->description().c_str(); }
