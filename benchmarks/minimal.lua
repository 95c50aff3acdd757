-- The least that tshark needs to count gpfdist messages: what people write who only want the numbers.
-- tshark -q -X lua_script:minimal.lua -X lua_script1:8080 -r FILE   (lua_script1 and further: TCP ports of servers)
local gp = Proto("gpbench", "gpfdist messages, counted")
local counts = {F = 0, O = 0, L = 0, D = 0, E = 0}
local payload, unknown, connections = 0, 0, 0

local function more(pinfo, offset, missing)
    pinfo.desegment_offset = offset
    pinfo.desegment_len = missing or DESEGMENT_ONE_MORE_SEGMENT
end

-- Bytes of head and body, or nil when the head is not whole. Only a POST has a body that its length tells.
local function head(tvb, offset)
    local text = tvb:raw(offset)
    local _, stop = text:find("\r\n\r\n", 1, true)
    if not stop then return nil end
    if text:sub(1, 5) ~= "POST " then return stop, 0 end
    return stop, tonumber(text:sub(1, stop):match("\r\nContent%-Length: (%d+)")) or 0
end

function gp.dissector(tvb, pinfo, tree)
    local offset, total = 0, tvb:len()
    if pinfo.visited then return total end
    while offset < total do
        local letter = string.char(tvb(offset, 1):uint())
        if letter == "H" or letter == "G" or letter == "P" then
            local size, body = head(tvb, offset)
            if not size then return more(pinfo, offset) end
            if offset + size + body > total then return more(pinfo, offset, offset + size + body - total) end
            if letter ~= "H" then connections = connections + 1 end
            payload = payload + body
            offset = offset + size + body
        else
            if offset + 5 > total then return more(pinfo, offset) end
            local length = tvb(offset + 1, 4):uint()
            if offset + 5 + length > total then return more(pinfo, offset, offset + 5 + length - total) end
            if counts[letter] then counts[letter] = counts[letter] + 1 else unknown = unknown + 1; return total end
            if letter == "D" then payload = payload + length end
            offset = offset + 5 + length
        end
    end
    return total
end

for _, port in ipairs({...}) do
    DissectorTable.get("tcp.port"):add(tonumber(port), gp)
    DissectorTable.get("tls.port"):add(tonumber(port), gp)
end

local tap = Listener.new("frame", "tcp.flags.fin == 1 && tcp.flags.syn == 1") -- a filter that nothing passes: only draw() is wanted
function tap.draw()
    print(string.format(
        '{"message_counts": {"F": %d, "O": %d, "L": %d, "D": %d, "E": %d}, "payload_bytes": %.0f, "connections": %d, "unknown": %d}',
        counts.F, counts.O, counts.L, counts.D, counts.E, payload, connections, unknown))
end
