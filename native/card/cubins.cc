// Compiles every build of the card's kernels for some architectures, without a card, and prints what each takes:
// cubins LIBNVRTC ARCHITECTURE...; one line of JSON a kernel.
#include <cstdio>
#include <regex>

#include "nvrtc.h"

using namespace x3d::card;

int main(int count, char** words) {
  try {
    const Nvrtc nvrtc({words[1]});
    for (int i = 2; i < count; ++i)
      for (const Build& build : {Build{3, 3, 1, 2}, Build{3, 3, 1, 1}, Build{3, 3, 2, 2}, Build{3, 3, 2, 1}, Build{5, 1, 1, 2}}) {
        auto options = Nvrtc::options(build, std::atoi(words[i]));
        options.push_back("--ptxas-options=-v");
        std::string said;
        const size_t bytes = nvrtc.compiled(options, &said).size();
        const std::regex kernel(
            "Function properties for (\\w+)[^:]*?(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill "
            "loads[^:]*?: Used (\\d+) registers");
        for (std::sregex_iterator at(said.begin(), said.end(), kernel); at != std::sregex_iterator(); ++at)
          std::printf("{\"architecture\": %s, \"build\": \"%dx%dx%d/%d, %d lanes\", \"kernel\": \"%s\", \"registers\": %s, "
                      "\"spilledBytes\": %d, \"cubinBytes\": %zu}\n",
                      words[i], build.taps, build.side, build.side, build.stride, build.lanes, (*at)[1].str().c_str(),
                      (*at)[5].str().c_str(), std::stoi((*at)[3]) + std::stoi((*at)[4]), bytes);
        if (count == 3 && std::getenv("X3D_SAID")) std::fputs(said.c_str(), stderr);
      }
  } catch (const x3d::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.message.c_str());
    return 1;
  }
}
