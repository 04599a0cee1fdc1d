/*
get = "/alone"
summary = "Prices that no other follows"
*/
SELECT price.id, follower.day
FROM prices AS price LEFT JOIN prices AS follower ON follower.id = price.id + 1
WHERE follower.id IS NULL
