-- wrk: appends one session of a simulated episode with each request. The environment has the token
-- and the file with the episodes' ids. An episode's sessions begin three hours from each other.
local episodes = {}
for line in io.lines(os.getenv("EPISODES")) do episodes[#episodes + 1] = line end
local token = os.getenv("TOKEN")
local thread = 0

function setup(t)
    t:set("number", thread)
    thread = thread + 1
end

local count = 0
local seed = tonumber(os.getenv("SEED"))
-- 2025-03-01T15:00:00Z, and the sessions that rounds before this one may have added.
local first = 1740841200 + tonumber(os.getenv("ROUND")) * 200 * 10800

function request()
    count = count + 1
    local id = string.format("%08x-%04x-4000-8000-%012x", seed, number, count)
    local slot = 2 * math.floor(count / #episodes) + number
    local start = os.date("!%Y-%m-%dT%H:%M:%SZ", first + slot * 10800)
    local body = '{"event_id":"' .. id .. '","type":"session_attended","schema_version":1,' ..
        '"occurred_at":"' .. start .. '","author":{"id":"simulator","role":"therapist"},' ..
        '"data":{"session_id":"' .. id .. '","kind":"group","minutes":60,"attendance":"full",' ..
        '"mode":"in_person"}}'
    local path = "/v1/ledgers/bench/episodes/" .. episodes[count % #episodes + 1] .. "/events"
    return wrk.format("POST", path, {["Authorization"] = "Bearer " .. token}, body)
end

local refused = 0
function response(status)
    if status ~= 201 then refused = refused + 1 end
end

function done(summary, latency)
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), summary.errors.status +
        summary.errors.connect + summary.errors.read + summary.errors.write +
        summary.errors.timeout))
end
