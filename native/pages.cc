// Loading TensorFlow reads relocations and start-up code all over its 600 MB library, and leaves some 220 MB of it in
// every trainer's resident memory, of which steps use little. Once it is loaded those pages are given back: they are
// the file's own, unchanged, and what is used again comes again from the page cache.
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace x3d {
namespace {

int give_back(dl_phdr_info* library, size_t, void*) {
  if (!strstr(library->dlpi_name, "libtensorflow")) return 0;
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = library->dlpi_phdr[i];
    // What was written to, relocations included, is in writable segments and must stay.
    if (segment.p_type != PT_LOAD || segment.p_flags & PF_W) continue;
    const uintptr_t from = (library->dlpi_addr + segment.p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t to = (library->dlpi_addr + segment.p_vaddr + segment.p_memsz) & ~(page - 1);
    if (to > from) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
  }
  return 0;
}

__attribute__((constructor)) void on_load() { dl_iterate_phdr(give_back, nullptr); }

}  // namespace
}  // namespace x3d
