-- What wrk requests, and what it says at its end. The requests are written before the load begins.
-- Arguments: a file with a path a line.

local number = 0

function setup(thread)
  thread:set("number", number)
  number = number + 1
end

function init(args)
  local requests = {}
  for path in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
  -- Each thread begins elsewhere.
  local at = number * math.floor(#requests / 2)
  if #requests == 1 then
    local only = requests[1]
    request = function() return only end
  else
    request = function()
      at = at % #requests + 1
      return requests[at]
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"p999_us":%d,"socket_errors":%d,"status_errors":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
