-- Trees, strings, closures and tables that grow, most of which are garbage at once.
local function tree(depth)
    if depth == 0 then return {} end
    return { tree(depth - 1), tree(depth - 1) }
end

local function count(node)
    return node[1] and 1 + count(node[1]) + count(node[2]) or 1
end

local kept, nodes, length = tree(14), 0, 0
for round = 1, 30 do
    nodes = nodes + count(tree(12))
    local words = {}
    for i = 1, 20000 do
        words[i] = ("word %d of %d"):format(i, round)
    end
    length = length + #table.concat(words, " ")
    local counters = {}
    for i = 1, 20000 do
        counters["c" .. i % 3000] = function() return i end
    end
    length = length + counters.c7()
end
assert(count(kept) == 2 ^ 15 - 1 and nodes == 30 * (2 ^ 13 - 1))
print(length)
