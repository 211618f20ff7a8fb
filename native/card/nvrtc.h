// The kernels' source, compiled for a card by NVRTC, which is loaded when it is first needed: no CUDA headers, no nvcc.
#pragma once
#include <dlfcn.h>

#include <string>
#include <vector>

#include "launch.h"
#include "source.h"

namespace x3d {
namespace card {

class Nvrtc {
 public:
  /// Throws Failure where the library can't be loaded.
  explicit Nvrtc(const std::vector<std::string>& paths) {
    std::string reasons;
    for (const std::string& path : paths) {
      if ((library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))) break;
      reasons += std::string(reasons.empty() ? "" : "; ") + dlerror();
    }
    if (!library_) throw Failure{"NVRTC can't be loaded: " + reasons};
    find(version_, "nvrtcVersion");
    find(create_, "nvrtcCreateProgram");
    find(destroy_, "nvrtcDestroyProgram");
    find(compile_, "nvrtcCompileProgram");
    find(log_size_, "nvrtcGetProgramLogSize");
    find(log_, "nvrtcGetProgramLog");
    find(cubin_size_, "nvrtcGetCUBINSize");
    find(cubin_, "nvrtcGetCUBIN");
  }

  std::string version() const {
    int major = 0, minor = 0;
    version_(&major, &minor);
    return std::to_string(major) + "." + std::to_string(minor);
  }

  static std::vector<std::string> options(const Build& build, int architecture) {
    const auto define = [](const char* name, int value) { return std::string("-D") + name + "=" + std::to_string(value); };
    return {"--gpu-architecture=sm_" + std::to_string(architecture), "--std=c++17", define("X3D_TAPS", build.taps),
            define("X3D_SIDE", build.side), define("X3D_STRIDE", build.stride), define("X3D_LANES", build.lanes)};
  }

  /// The cubin for an architecture (80 for sm_80); `said` gets what the compiler says. Throws Failure.
  std::string compiled(const std::vector<std::string>& options, std::string* said = nullptr) const {
    std::vector<const char*> words;
    for (const std::string& option : options) words.push_back(option.c_str());
    void* program = nullptr;
    const char* name = "channelwise.h";
    if (create_(&program, kSource, "channelwise.cu", 1, &kHeader, &name) != 0) throw Failure{"NVRTC takes no program"};
    const int failed = compile_(program, int(words.size()), words.data());
    const std::string log = text(program, log_size_, log_);
    const std::string cubin = failed ? "" : text(program, cubin_size_, cubin_);
    destroy_(&program);
    if (said) *said = log;
    if (failed) throw Failure{"NVRTC " + version() + " does not compile the card's kernels with " + options[0] + ":\n" + log};
    return cubin;
  }

 private:
  template <class Function>
  void find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library_, name));
    if (!function) throw Failure{std::string("NVRTC has no ") + name};
  }
  static std::string text(void* program, int (*size)(void*, size_t*), int (*get)(void*, char*)) {
    size_t bytes = 0;
    size(program, &bytes);
    std::string text(bytes, '\0');
    get(program, text.data());
    return text;
  }

  void* library_ = nullptr;
  int (*version_)(int*, int*);
  int (*create_)(void**, const char*, const char*, int, const char* const*, const char* const*);
  int (*destroy_)(void**);
  int (*compile_)(void*, int, const char* const*);
  int (*log_size_)(void*, size_t*);
  int (*log_)(void*, char*);
  int (*cubin_size_)(void*, size_t*);
  int (*cubin_)(void*, char*);
};

}  // namespace card
}  // namespace x3d
