// The card's kernels on a card. Each build of them is compiled when it is first used, and kept as a cubin: by user,
// architecture, driver, compiler and source. The driver is loaded, not linked, so that the library also loads where
// there is none.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

#include "../register.h"
#include "channelwise.h"
#include "nvrtc.h"
#include "stream.h"
#include "tensorflow/c/c_api.h"

namespace x3d {
namespace card {
namespace {

namespace files = std::filesystem;

/// What is used of the driver (cuda.h); a context, module, function or stream is a pointer, a device a number.
class Driver {
 public:
  static const Driver& get() {
    static const Driver driver;
    return driver;
  }
  int (*version)(int*);
  int (*context)(void**);
  int (*device)(int*);
  int (*attribute)(int*, int, int);
  int (*load)(void**, const void*);
  int (*function)(void**, void*, const char*);
  int (*launch)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);

  void check(int error, const std::string& what) const {
    const char* name = nullptr;
    if (error != 0 && error_name_(error, &name) == 0)
      throw Failure{what + " ended with " + (name ? name : "an error of the driver's")};
    if (error != 0) throw Failure{what + " ended with the driver's error " + std::to_string(error)};
  }

 private:
  Driver() {
    void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) throw Failure{std::string("the driver can't be loaded: ") + dlerror()};
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      if (!function) throw Failure{std::string("the driver has no ") + name};
    };
    find(version, "cuDriverGetVersion");
    find(context, "cuCtxGetCurrent");
    find(device, "cuCtxGetDevice");
    find(attribute, "cuDeviceGetAttribute");
    find(load, "cuModuleLoadData");
    find(function, "cuModuleGetFunction");
    find(launch, "cuLaunchKernel");
    find(error_name_, "cuGetErrorName");
  }
  int (*error_name_)(int, const char**);
};

/// Where set-up puts NVRTC: beside TensorFlow's own folder.
std::vector<std::string> nvrtc_paths() {
  Dl_info found;
  const std::string name = "libnvrtc.so.12";
  if (!dladdr(reinterpret_cast<void*>(&TF_Version), &found)) return {name};
  const files::path beside = files::path(found.dli_fname).parent_path().parent_path();
  return {(beside / "nvidia/cuda_nvrtc/lib" / name).string(), name};
}

/// As set-up's own: X3D_CACHE, else x3d-search in the user's cache.
files::path cache() {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (const std::string own = set("X3D_CACHE"); !own.empty()) return files::path(own) / "cubins";
  const std::string users = set("XDG_CACHE_HOME");
  return (users.empty() ? files::path(set("HOME")) / ".cache" : files::path(users)) / "x3d-search" / "cubins";
}

/// FNV-1a: a name for what a cubin is made of.
std::string hashed(const std::vector<std::string>& parts) {
  uint64_t hash = 14695981039346656037u;
  for (const std::string& part : parts)
    for (const char c : part + '\0') hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

std::string content(const files::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// Whole or not at all. A cache that can't be written to is no reason to stop.
void keep(const files::path& path, const std::string& bytes) {
  std::error_code failed;
  files::create_directories(path.parent_path(), failed);
  const files::path temporary = path.string() + "." + std::to_string(getpid());
  std::ofstream out(temporary, std::ios::binary);
  out << bytes;
  out.close();
  if (out)
    files::rename(temporary, path, failed);
  else
    files::remove(temporary, failed);
}

/// The module of a build in the current context.
void* loaded(const Build& build) {
  const Driver& driver = Driver::get();
  static const Nvrtc nvrtc(nvrtc_paths());
  int device = 0, major = 0, minor = 0, version = 0;
  driver.check(driver.device(&device), "cuCtxGetDevice");
  // The compute capability.
  driver.check(driver.attribute(&major, 75, device), "cuDeviceGetAttribute");
  driver.check(driver.attribute(&minor, 76, device), "cuDeviceGetAttribute");
  driver.check(driver.version(&version), "cuDriverGetVersion");
  const auto options = Nvrtc::options(build, 10 * major + minor);
  std::vector<std::string> made_of = {kHeader, kSource, nvrtc.version(), std::to_string(version)};
  made_of.insert(made_of.end(), options.begin(), options.end());
  const files::path path = cache() / (hashed(made_of) + ".cubin");
  void* module = nullptr;
  // What was kept and can't be loaded is damaged.
  if (const std::string kept = content(path); !kept.empty() && driver.load(&module, kept.data()) == 0) return module;
  const std::string cubin = nvrtc.compiled(options);
  driver.check(driver.load(&module, cubin.data()), "cuModuleLoadData");
  keep(path, cubin);
  return module;
}

void* function_of(const Build& build, const char* kernel) {
  static std::mutex mutex;
  static std::map<std::pair<void*, Build>, void*> modules;
  static std::map<std::pair<void*, std::string>, void*> functions;
  const Driver& driver = Driver::get();
  void* context = nullptr;
  driver.check(driver.context(&context), "cuCtxGetCurrent");
  const std::lock_guard<std::mutex> lock(mutex);
  void*& module = modules[{context, build}];
  if (!module) module = loaded(build);
  void*& function = functions[{module, kernel}];
  if (!function) driver.check(driver.function(&function, module, kernel), std::string("cuModuleGetFunction of ") + kernel);
  return function;
}

template <class... Ops>
void enter(Operations<Ops...>) {
  (register_kernel<Ops, compute<Ops>>("GPU"), ...);
}

__attribute__((constructor)) void on_load() { enter(OnTheCard{}); }

}  // namespace

void launch(TF_OpKernelContext* context, const Build& build, const char* kernel, const Blocks& blocks, unsigned width,
            void* arguments) {
  const Driver& driver = Driver::get();
  void* parameters[] = {arguments};
  driver.check(driver.launch(function_of(build, kernel), blocks.x, blocks.y, blocks.z, width, kRows, 1, 0,
                             stream_of(context), parameters, nullptr),
               std::string("the start of ") + kernel);
}

}  // namespace card
}  // namespace x3d
