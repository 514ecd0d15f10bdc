// C++'s operators new and delete in all their forms.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            std::exit(1); \
        } \
    } while (0)

struct alignas(256) Wide {
    char bytes[700];
};

static int handled = 0;

static void handler() {
    if (++handled == 3) std::set_new_handler(nullptr);
}

static volatile std::size_t too_much = std::size_t(1) << 60;

int main() {
    std::vector<std::string> words;
    for (int i = 0; i < 100000; i++) words.push_back("a word that is too long for the string itself " + std::to_string(i));
    CHECK(words[99999].back() == '9');
    Wide *one = new Wide, *many = new Wide[5];
    CHECK(reinterpret_cast<std::uintptr_t>(one) % 256 == 0 && reinterpret_cast<std::uintptr_t>(many) % 256 == 0);
    delete one;
    delete[] many;
    Wide *quiet = new (std::nothrow) Wide;
    CHECK(quiet);
    operator delete(quiet, std::align_val_t(256), std::nothrow);
    operator delete(operator new(10), std::nothrow);
    operator delete[](operator new[](10), std::nothrow);
    operator delete(operator new(10, std::nothrow), std::size_t(10));
    operator delete[](operator new[](10, std::nothrow), std::size_t(10));
    operator delete[](operator new[](10, std::align_val_t(64)), std::size_t(10), std::align_val_t(64));
    CHECK(!operator new(too_much, std::nothrow));
    CHECK(!operator new[](too_much, std::align_val_t(64), std::nothrow));
    std::set_new_handler(handler);
    bool thrown = false;
    try {
        operator delete(operator new(too_much));
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    CHECK(thrown && handled == 3);
    std::puts("all is as it should be");
}
