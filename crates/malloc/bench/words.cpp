// Counts words and their neighbours with the standard library's containers, whose every node is a block. Compiling it
// is one of the programs that are measured, running it another.
#include <cstdio>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

struct Word {
    unsigned count = 0;
    std::set<std::string> followers;
};

static std::string text(unsigned seed) {
    std::string words;
    for (int i = 0; i < 3000; i++) {
        seed = seed * 1664525 + 1013904223;
        words += "word number " + std::to_string((seed >> 16) % 700) + ", then ";
    }
    return words;
}

int main() {
    std::unordered_map<std::string, std::unique_ptr<Word>> words;
    const std::regex pattern("[a-z0-9]+");
    for (unsigned round = 0; round < 100; round++) {
        const std::string input = text(round);
        std::string before;
        for (std::sregex_iterator match(input.begin(), input.end(), pattern), end; match != end; ++match) {
            auto &word = words[match->str() + std::to_string(round % 3)];
            if (!word) word = std::make_unique<Word>();
            word->count++;
            if (!before.empty()) word->followers.insert(before);
            before = match->str();
        }
    }
    std::map<unsigned, std::vector<std::string>> by_count;
    for (const auto &[name, word] : words) by_count[word->count].push_back(name);
    std::printf("%zu words, %zu counts\n", words.size(), by_count.size());
    return words.size() == 2109 ? 0 : 1;
}
