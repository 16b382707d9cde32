-- For wrk: sends the requests that the arguments name, "PATH" or "PATH COOKIE-FIELD", in turn, and
-- prints one line: requests, errors, requests a second.

local requests = {}
local sent = 0

function init(arguments)
    for _, argument in ipairs(arguments) do
        local path, cookie = argument:match("^(%S+) ?(.*)$")
        local fields = cookie ~= "" and { Cookie = cookie } or {}
        requests[#requests + 1] = wrk.format("GET", path, fields)
    end
end

function request()
    sent = sent + 1
    return requests[sent % #requests + 1]
end

function done(summary)
    local errors = summary.errors
    io.write(string.format("result %d %d %.0f\n", summary.requests,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        summary.requests * 1e6 / summary.duration))
end
