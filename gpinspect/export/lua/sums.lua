-- Statistics: tshark -q -o gpfdist.statistics:sessions -r FILE, and Tools > gpfdist in Wireshark ----------------------------

gp.prefs.ports = Pref.range("TCP ports", "8080", "Ports that belong to gpfdist before any other dissector; it is found on other ports as well", 65535)
gp.prefs.statistics = Pref.enum("Statistics at the end (tshark)", 0, "What tshark prints when it has read the capture", {
    {"none", "None", 0}, {"sessions", "Sessions and their Greenplum segments", 1}, {"sums", "Sums as one line of JSON", 2},
}, false)

do
local function sums()
    local counts, bytes, seen, connections_seen = {F = 0, O = 0, L = 0, D = 0, E = 0}, 0, {}, 0
    for _, exchange in ipairs(exchanges) do
        if exchange.conn.proven then
            for letter, count in pairs(exchange.counts) do counts[letter] = counts[letter] + count end
            bytes = bytes + exchange.bytes
            if not seen[exchange.conn] then
                seen[exchange.conn] = true
                connections_seen = connections_seen + 1
            end
        end
    end
    return format(
        '{"message_counts": {"F": %d, "O": %d, "L": %d, "D": %d, "E": %d}, "payload_bytes": %.0f, "connections": %d, "unknown": 0}',
        counts.F, counts.O, counts.L, counts.D, counts.E, bytes, connections_seen)
end

local function sessions_text()
    local sessions, order = {}, {}
    for _, exchange in ipairs(exchanges) do
        if exchange.conn.proven then
            local name = exchange.session or "(no session)"
            local key = (exchange.conn.server or "?") .. " " .. name
            local session = sessions[key]
            if not session then
                session = {server = exchange.conn.server or "?", name = name, exchanges = 0, packages = 0, bytes = 0, errors = 0, segments = {}}
                sessions[key] = session
                order[#order + 1] = session
            end
            session.exchanges = session.exchanges + 1
            session.packages = session.packages + exchange.counts.D - (exchange.ended and 1 or 0)
            session.bytes = session.bytes + exchange.bytes
            session.errors = session.errors + exchange.counts.E + ((exchange.status or 0) >= 400 and 1 or 0)
            local number = exchange.segment or "-"
            local segment = session.segments[number] or {exchanges = 0, packages = 0, bytes = 0}
            session.segments[number] = segment
            segment.exchanges = segment.exchanges + 1
            segment.packages = segment.packages + exchange.counts.D - (exchange.ended and 1 or 0)
            segment.bytes = segment.bytes + exchange.bytes
        end
    end
    local lines = {string.rep("=", 72), "gpfdist sessions, and bytes of payload for each Greenplum segment"}
    local row = "%-12s %10s %10s %16s %8s"
    for _, session in ipairs(order) do
        lines[#lines + 1] = string.rep("-", 72)
        lines[#lines + 1] = format("%s  %s", session.server, printable(session.name))
        lines[#lines + 1] = format(row, "segment", "exchanges", "packages", "bytes", "errors")
        local numbers = {}
        for number in pairs(session.segments) do numbers[#numbers + 1] = number end
        table.sort(numbers, function(one, other) return (tonumber(one) or -2) < (tonumber(other) or -2) end)
        for _, number in ipairs(numbers) do
            local segment = session.segments[number]
            lines[#lines + 1] = format(row, type(number) == "number" and format("%d", number) or number, format("%d", segment.exchanges),
                format("%d", segment.packages), format("%.0f", segment.bytes), "")
        end
        lines[#lines + 1] = format(row, "all", format("%d", session.exchanges), format("%d", session.packages),
            format("%.0f", session.bytes), format("%d", session.errors))
    end
    lines[#lines + 1] = string.rep("=", 72)
    return table.concat(lines, "\n")
end

-- A listener with a filter makes Wireshark build the trees from which sequence numbers are taken; this one is never called.
local listener = Listener.new("smb", "frame")
function listener.draw()
    if gp.prefs.statistics == 1 then print(sessions_text()) elseif gp.prefs.statistics == 2 then print(sums()) end
end

if gui_enabled() and register_menu then
    register_menu("gpfdist/Sessions", function()
        local window = TextWindow.new("gpfdist sessions")
        window:set(sessions_text())
        window:add_button("Refresh", function() window:set(sessions_text()) end)
    end, MENU_TOOLS_UNSORTED)
end

end
