// A C++ program of the usual kind: containers, strings, streams, exceptions, threads. What it prints depends on nothing
// but its source.
#include <algorithm>
#include <deque>
#include <future>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct Node {
    std::string name;
    std::vector<std::unique_ptr<Node>> children;
    virtual ~Node() = default;
};

struct alignas(64) Leaf : Node {
    double value = 0;
};

static std::unique_ptr<Node> grow(int depth, int &leaves) {
    if (depth == 0) {
        auto leaf = std::make_unique<Leaf>();
        leaf->value = leaves++;
        return leaf;
    }
    auto node = std::make_unique<Node>();
    node->name = "a node whose name does not fit in place, at depth " + std::to_string(depth);
    for (int i = 0; i < 4; i++) node->children.push_back(grow(depth - 1, leaves));
    return node;
}

static std::size_t words(int seed) {
    std::unordered_map<std::string, std::list<int>> table;
    std::map<int, std::set<std::string>> by_length;
    for (int i = 0; i < 20000; i++) {
        std::ostringstream text;
        text << "word " << (i * 7919 + seed) % 5003 << std::string(i % 40, 'x');
        table[text.str()].push_back(i);
        by_length[static_cast<int>(text.str().size())].insert(text.str());
    }
    std::size_t sum = 0;
    for (auto &[word, places] : table) sum += word.size() * places.size();
    for (auto &[length, found] : by_length) sum += length * found.size();
    if (seed % 3 == 0) throw std::runtime_error("seed " + std::to_string(seed) + " is not to our taste");
    return sum;
}

int main() {
    int leaves = 0;
    auto root = grow(8, leaves);
    std::cout << leaves << " leaves\n";
    std::vector<std::future<std::size_t>> futures;
    for (int seed = 1; seed <= 8; seed++) futures.push_back(std::async(std::launch::async, words, seed));
    for (auto &future : futures) {
        try {
            std::cout << future.get() << '\n';
        } catch (const std::runtime_error &error) {
            std::cout << error.what() << '\n';
        }
    }
    // Freed by another thread than the one that allocated.
    std::thread([tree = std::move(root)]() mutable { tree.reset(); }).join();
    std::pmr::unsynchronized_pool_resource pool;
    std::pmr::deque<std::pmr::string> queue(&pool);
    for (int i = 0; i < 50000; i++) {
        queue.emplace_back("entry number " + std::to_string(i) + " of the queue");
        if (i % 3 == 0) queue.pop_front();
    }
    std::sort(queue.begin(), queue.end());
    std::cout << queue.front() << ", " << queue.size() << '\n';
    std::string text;
    for (int i = 0; i < 2000; i++) text += "key" + std::to_string(i) + "=value" + std::to_string(i * i) + ";";
    std::regex pair("key([0-9]+)=value([0-9]+);");
    std::cout << std::distance(std::sregex_iterator(text.begin(), text.end(), pair), std::sregex_iterator()) << '\n';
    try {
        std::vector<int> endless(std::vector<int>().max_size());
        std::cout << "endless\n";
    } catch (const std::bad_alloc &) {
        std::cout << "no memory for that\n";
    }
}
