-- One claim, atomic because Redis runs one script at a time. KEYS: users (hash user -> code), left (count), record (stream).
-- ARGV: the user. Answers "won CODE", "repeated CODE" or "sold_out".
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return 'repeated ' .. known end
local left = tonumber(redis.call('GET', KEYS[2]))
if left <= 0 then return 'sold_out' end
local hash = string.upper(redis.sha1hex(ARGV[1] .. ':' .. left))
local code = hash:sub(1, 4) .. '-' .. hash:sub(5, 8) .. '-' .. hash:sub(9, 12) .. '-' .. hash:sub(13, 16)
redis.call('HSET', KEYS[1], ARGV[1], code)
redis.call('DECR', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'user', ARGV[1], 'code', code)
return 'won ' .. code
