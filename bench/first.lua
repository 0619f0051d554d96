-- Sends the requests of a file in order: one line each, method, path, token, idempotency key and body parted by tabs.
-- wrk … -s first.lua URL -- FILE FIRST: begins with request number FIRST (from 0); after the last it begins again.
local texts, at = {}, 0

function init(args)
  local number, first = 0, tonumber(args[2])
  for line in io.lines(args[1]) do
    local method, path, token, key, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    if key ~= "" then headers["Idempotency-Key"] = key end
    if body ~= "" then headers["Content-Type"] = "application/json" else body = nil end
    number = number + 1
    texts[number] = wrk.format(method, path, headers, body)
  end
  at = first
end

function request()
  at = at + 1
  return texts[(at - 1) % #texts + 1]
end

-- One line of JSON: requests answered, seconds, errors, latencies in ms.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.3f, "refused": %d, "broken": %d, "p50": %.3f, "p99": %.3f}\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
