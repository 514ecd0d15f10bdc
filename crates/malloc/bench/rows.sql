-- A database in memory: rows come, are indexed, joined, sorted and changed.
.bail on
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user INTEGER NOT NULL, note TEXT NOT NULL, price REAL NOT NULL);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
    INSERT INTO users SELECT i, 'user ' || i, 'city ' || (i * 7919 % 500) FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
    INSERT INTO orders SELECT i, 1 + i * 104729 % 50000, printf('%.*c', i * 31 % 200, 'x'), i % 997 / 10.0 FROM n;
CREATE INDEX by_user ON orders (user);
CREATE INDEX by_note ON orders (note, price);
SELECT city, count(*), round(sum(price), 1), length(group_concat(note))
    FROM users JOIN orders ON orders.user = users.id GROUP BY city ORDER BY 3 DESC LIMIT 3;
SELECT count(*) FROM (SELECT DISTINCT upper(note) || user FROM orders ORDER BY 1);
UPDATE orders SET note = note || note WHERE id % 3 = 0;
DELETE FROM orders WHERE user % 5 = 0;
SELECT count(*), sum(length(note)) FROM orders;
