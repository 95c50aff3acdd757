-- From frames to directions -----------------------------------------------------------------------------------------------
--
-- Frames are read once, in order, and what was found is kept by frame number: Wireshark dissects frames again, in any order.
-- `tcp` gives the sequence numbers; pieces that TCP does not hand over (sent again, out of order) are taken in `rest`.

local tcp_stream, tcp_length, tcp_flags = Field.new("tcp.stream"), Field.new("tcp.len"), Field.new("tcp.flags")
local tcp_sequence, tcp_acknowledged = Field.new("tcp.seq_raw"), Field.new("tcp.ack_raw")
local SYN, RESET, ACK = 2, 4, 16
local LONGEST_HEADERS = 1024 -- bytes of a frame in which TCP's header is looked for

local reached = 0 -- the last frame that was read
local handled = false -- by a dissector, before `rest` came; "hot" when nothing is left to do
local building = false -- this frame is being read for the first time
local first_pass = false -- frames were read when Wireshark dissected them for the first time, as it should be
local calls = 0 -- of a dissector in this frame
local found, found_later, found_by_rest, any_by_rest = {}, {}, {}, false -- records by frame: first call, further calls, in `rest`
local in_gui = gui_enabled()
local read_tree, read_columns, shown_tree, shown_columns -- what is wanted of frames that are read, or shown again
local own_dissector
local captured_length, reported_length = Tvb.len, Tvb.reported_len

-- Whether a tree and columns are wanted.
local function wanted(pinfo, tree)
    local name = tostring(pinfo.cols.protocol)
    own_dissector = own_dissector or Dissector.get("gpfdist")
    local with_tree = tree.visible or tree:referenced(own_dissector)
    if not with_tree then
        for _, field in pairs(F) do
            if tree:referenced(field) then
                with_tree = true
                break
            end
        end
    end
    return with_tree, in_gui or not (name == "(protocol)" or name == "(nil)" or name == "")
end

local syns = {} -- by stream: sequence numbers of SYNs, by port of their sender

-- Whether the first bytes of a direction say that this is nothing for us.
local function strange(stream, pinfo, source, sequence)
    local number = syns[stream] and syns[stream][pinfo.src_port]
    return number ~= nil and (number + 1) % WRAP == sequence and source:len() > 0
        and classify(source:raw(0, min(32, source:len()))) == "unknown"
end

local function show_new(list, source, pinfo, tree, again)
    if read_tree == nil or in_gui then read_tree, read_columns = wanted(pinfo, tree) end
    if read_tree or read_columns then show(list, source, pinfo, tree, again) end
end

local function names_of(pinfo)
    return format("%s:%d", tostring(pinfo.src), pinfo.src_port), format("%s:%d", tostring(pinfo.dst), pinfo.dst_port)
end

local function last(extractor)
    local one, other = extractor()
    if not other then return one end
    local all = {extractor()}
    return all[#all]
end

-- The value of a field; 0 where a damaged header has none.
local function number_of(extractor)
    local field = last(extractor)
    return field and field() or 0
end

local function connection_of(stream, table_of, pinfo, opened)
    local conn = table_of[stream]
    if conn == nil then
        local first, second = names_of(pinfo)
        conn = new_connection(stream, opened, first, second)
        conn.ports, conn.one_port = {pinfo.src_port, pinfo.dst_port}, pinfo.src_port == pinfo.dst_port
        if table_of == connections and not conn.one_port then conn.syns = syns[stream] end
        conn.protocol = table_of == tls_connections and "gpfdists" or "gpfdist"
        table_of[stream] = conn
    end
    return conn
end

local function side_of(conn, pinfo)
    if conn.one_port then return conn.sides[names_of(pinfo) == conn.names[1] and 1 or 2] end
    return conn.sides[pinfo.src_port == conn.ports[1] and 1 or 2]
end


local function opened(stream)
    return syns[stream] ~= nil
end

local function begin_side(side, stream, pinfo, sequence)
    side.begun = true
    local number = syns[stream] and syns[stream][pinfo.src_port]
    local skipped = number and (sequence - number - 1) % WRAP
    if skipped and skipped < JUMP then side.next = (number + 1) % WRAP end
end

local function settled(conn)
    if conn.spoken == "other" or conn.hopeless then return false end
    local answer = conn.exchanges[1]
    if conn.spoken == "http" and not conn.proven and answer and answer.answered and answer.foreign then
        return servers[conn.server_name] ~= nil
    end
    return true
end

-- Read one piece of a direction; gives its records.
local function read(conn, side, sequence, source, length, pinfo)
    local before = current
    current = {conn = conn}
    local frame, time = pinfo.number, pinfo.rel_ts
    reading = frame
    if sequence then
        if not side.begun then begin_side(side, conn.key, pinfo, sequence) end
        arrive(side, sequence, source, source:len(), length, frame, time)
    else
        deliver(side, source, 0, source:len(), frame, time)
    end
    conn.last_frame = frame
    local list = current
    current = before
    return list
end

local function bytes_of(number)
    return string.char(floor(number / 16777216), floor(number / 65536) % 256, floor(number / 256) % 256, number % 256)
end

-- The payload of the segment that a frame carries, cut out of the frame; nil where IP had put it together from fragments.
-- Asking for the place of TCP's header would make Wireshark build all of its tree, so its ports and numbers are looked for.
local function payload_in(frame, pinfo)
    local length = number_of(tcp_length)
    local numbers = bytes_of(pinfo.src_port * 65536 + pinfo.dst_port) .. bytes_of(number_of(tcp_sequence)) .. bytes_of(number_of(tcp_acknowledged))
    local offset = find(frame:raw(0, min(frame:len(), LONGEST_HEADERS)), numbers, 1, true)
    if not offset or length == 0 or offset + 12 >= frame:len() then return nil end
    local begin = offset - 1 + floor(frame(offset + 11, 1):uint() / 16) * 4
    if begin >= frame:len() then return nil end
    return frame(begin, min(length, frame:len() - begin)):tvb(), length
end

local function store(number, list)
    if calls <= 1 then
        found[number] = list
    else
        found_later[number] = found_later[number] or {}
        found_later[number][calls] = list
    end
end

-- The content that a frame without records lies in: it was counted, and nothing was kept of it.
local function owner_at(side, number)
    local owners = side.owners
    local low, high = 1, #owners
    while low < high do
        local middle = floor((low + high + 1) / 2)
        if owners[middle].read_in <= number then low = middle else high = middle - 1 end
    end
    return owners[low]
end

local function show_stored(conn, number, tvb, pinfo, tree)
    local list = calls <= 1 and found[number]
    if calls > 1 then list = found_later[number] and found_later[number][calls] end
    if not conn.proven then return end
    if list then
        if #list > 0 then show(list, tvb, pinfo, tree, calls > 1) end
    elseif calls <= 1 then
        local side = side_of(conn, pinfo)
        local owner = owner_at(side, number)
        if owner and side.origin then
            local position = (number_of(tcp_sequence) - side.origin - owner.start) % WRAP
            if shown_tree == nil or in_gui then shown_tree, shown_columns = wanted(pinfo, tree) end
            show_content(owner, position, tvb, pinfo, tree, shown_tree, shown_columns)
        end
    end
    pinfo.cols.protocol = conn.protocol
end

-- Whether a frame was read before.
local function known_frame(number, pinfo)
    if building then return false end
    return number <= reached or (first_pass and pinfo.visited)
end

-- A piece of plain TCP. Gives true when it is ours, false when it is not, nil while nobody can tell.
local function plain(tvb, pinfo, tree, stream)
    local conn = connections[stream]
    if conn == false then
        handled = true
        return false
    end
    local length = tvb:reported_len()
    if tvb:offset() == 0 or length ~= number_of(tcp_length) then
        return conn and conn.proven -- TCP has put several segments together: `rest` takes each from its frame
    end
    local number = pinfo.number
    handled = true
    calls = calls + 1
    if known_frame(number, pinfo) then
        if not conn then return nil end
        show_stored(conn, number, tvb, pinfo, tree)
        return conn.proven or nil
    end
    first_pass = first_pass or not pinfo.visited
    reached, building = number, true
    if not conn then
        if strange(stream, pinfo, tvb, sequence) then
            connections[stream] = false
            return false
        end
        conn = connection_of(stream, connections, pinfo, opened(stream))
    end
    local was_proven = conn.proven
    local list = read(conn, side_of(conn, pinfo), number_of(tcp_sequence), tvb, length, pinfo)
    store(number, list)
    if not settled(conn) then
        connections[stream] = false
        return false
    end
    if not conn.proven then return nil end
    if not was_proven then pinfo.conversation = gp end
    if #list > 0 then show_new(list, tvb, pinfo, tree, calls > 1) else pinfo.cols.protocol = conn.protocol end
    return true
end

-- A piece of plaintext out of TLS; it comes in order and without sequence numbers.
local function from_tls(tvb, pinfo, tree)
    local number = pinfo.number
    handled = true
    calls = calls + 1
    local field = last(tcp_stream)
    if not field or tvb:len() == 0 then return nil end
    local stream = field.value
    local conn = tls_connections[stream]
    if conn == false then return false end
    if known_frame(number, pinfo) then
        if not conn then return nil end
        local list = calls <= 1 and found[number]
        if calls > 1 then list = found_later[number] and found_later[number][calls] end
        if list and #list > 0 and conn.proven then show(list, tvb, pinfo, tree, calls > 1) end
        return conn.proven or nil
    end
    first_pass = first_pass or not pinfo.visited
    reached, building = number, true
    conn = connection_of(stream, tls_connections, pinfo, true)
    local list = read(conn, side_of(conn, pinfo), nil, tvb, tvb:len(), pinfo)
    list.own = true
    store(number, list)
    if not settled(conn) then
        tls_connections[stream] = false
        return false
    end
    if not conn.proven then return nil end
    if #list > 0 then show_new(list, tvb, pinfo, tree, calls > 1) end
    return true
end

-- Whoever had a port before: gets what is not ours.
local displaced = {}

function gp.dissector(tvb, pinfo, tree)
    local field, inner = tcp_stream()
    if not field then return 0 end
    local stream = inner and last(tcp_stream).value or field()
    local conn = connections[stream]
    if conn and conn.proven and not inner then
        -- the usual frame is in order and holds nothing but content: it is counted. No frame that was read before is in order
        local numbered = tcp_sequence()
        local sequence = numbered and numbered() or 0
        local side, length = conn.answering, reported_length(tvb)
        if side.next ~= sequence then side = conn.asking end
        local left, owner = side.left, side.owner
        if side.next == sequence and left >= length and owner and side.peer.next ~= sequence and not owner.wants
            and not side.early[1] and length == captured_length(tvb) and length > 0 then
            handled = "hot"
            side.next = (sequence + length) % WRAP
            local position = side.position
            side.position = position + length
            side.left = left - length
            owner.came = owner.came + length
            if owner.rows then
                local exchange = owner.exchange
                exchange.bytes = exchange.bytes + length
            end
            if left == length then
                side.time, side.frame = pinfo.rel_ts, pinfo.number
                reached, conn.last_frame, reading = side.frame, side.frame, side.frame
                side.reader.content_end(side)
            end
            if read_tree == nil or in_gui then read_tree, read_columns = wanted(pinfo, tree) end
            if read_tree or read_columns then
                show_content(owner, position - owner.start, tvb, pinfo, tree, read_tree, read_columns)
            end
            return length
        end
    end
    if plain(tvb, pinfo, tree, stream) then return tvb:len() end
    local other = displaced[pinfo.dst_port] or displaced[pinfo.src_port]
    if other then
        local done, length = pcall(other.call, other, tvb, pinfo, tree)
        if done and length then return length end
        return tvb:len()
    end
    return 0
end

function inside_tls.dissector(tvb, pinfo, tree)
    if from_tls(tvb, pinfo, tree) then return tvb:len() end
    return 0
end

gp:register_heuristic("tcp", function(tvb, pinfo, tree)
    local field = last(tcp_stream)
    return field ~= nil and plain(tvb, pinfo, tree, field.value) == true
end)
inside_tls:register_heuristic("tls", function(tvb, pinfo, tree) return from_tls(tvb, pinfo, tree) == true end)

-- Where the SYN of the other side was not captured, the first acknowledgment tells where its bytes begin.
local function note_beginning(stream, pinfo)
    local known = syns[stream]
    if not known[pinfo.dst_port] then known[pinfo.dst_port] = (number_of(tcp_acknowledged) - 1) % WRAP end
end

-- Acknowledgments, ends, and pieces that TCP kept from us.
local function after(conn, pinfo, list, flags)
    local side = side_of(conn, pinfo)
    local before = current
    current = list or {conn = conn}
    reading = pinfo.number
    if floor(flags / ACK) % 2 == 1 then
        side.ack = number_of(tcp_acknowledged)
        if conn.syns and not side.peer.next then note_beginning(conn.key, pinfo) end
    end
    if #side.peer.early > 0 then decide(side.peer, pinfo.rel_ts) end
    if flags % 2 == 1 then side.fin = (number_of(tcp_sequence) + number_of(tcp_length)) % WRAP end -- where its FIN stands
    local reset = floor(flags / RESET) % 2 == 1
    conn.closed = conn.closed or side.fin ~= nil or reset
    if reset or (side.fin and side.peer.fin) then finish(conn) end
    list = current
    current = before
    return list
end

-- The first pass is over: what waited for more will wait for ever (tshark -2; in Wireshark more frames may come).
local finished_all = false

local function finish_all()
    finished_all = true
    for _, table_of in ipairs({connections, tls_connections}) do
        for _, conn in pairs(table_of) do
            if conn and not conn.finished then
                local list = found_by_rest[conn.last_frame] or {conn = conn}
                current = list
                finish(conn)
                if #list > 0 then found_by_rest[conn.last_frame], any_by_rest = list, true end
            end
        end
    end
    current = {}
end

function rest.dissector(tvb, pinfo, tree)
    local was_handled = handled
    handled, calls, building = false, 0, building and was_handled
    if was_handled == "hot" then return end
    local field, inner = tcp_stream()
    if not field then
        building = false
        return
    end
    local stream = inner and last(tcp_stream).value or field()
    local conn = connections[stream]
    if conn == false then
        building = false
        return
    end
    local flags = number_of(tcp_flags)
    local length = number_of(tcp_length)
    conn = conn or tls_connections[stream]
    if flags == ACK and length == 0 and not any_by_rest and not (conn and (conn.sides[1].early[1] or conn.sides[2].early[1])) then
        building = false
        if conn then
            local acknowledged = tcp_acknowledged()
            side_of(conn, pinfo).ack = acknowledged and acknowledged() or 0
        elseif syns[stream] then
            note_beginning(stream, pinfo)
        end
        return
    end
    local number = pinfo.number
    if not known_frame(number, pinfo) and floor(flags / SYN) % 2 == 1 then
        syns[stream] = syns[stream] or {}
        syns[stream][pinfo.src_port] = number_of(tcp_sequence)
        if floor(flags / ACK) % 2 == 1 then note_beginning(stream, pinfo) end
    end
    if known_frame(number, pinfo) then
        if not finished_all and not in_gui and pinfo.visited then finish_all() end
        local list = found_by_rest[number]
        if not was_handled and found[number] and found[number].conn == conn then -- another dissector has taken the frame meanwhile
            if conn.proven and #found[number] > 0 then show(found[number], payload_in(tvb, pinfo), pinfo, tree, false) end
        end
        if list and list.conn.proven then show(list, list.source and payload_in(tvb, pinfo), pinfo, tree, was_handled) end
        return
    end
    building = false
    local list, source
    if not was_handled and length > 0 and (conn == nil or conn == connections[stream]) then
        reached = number
        first_pass = first_pass or not pinfo.visited
        source = payload_in(tvb, pinfo)
        if source then
            if conn == nil then
                if strange(stream, pinfo, source, number_of(tcp_sequence)) then
                    connections[stream] = false
                    return
                end
                conn = connection_of(stream, connections, pinfo, opened(stream))
            end
            list = read(conn, side_of(conn, pinfo), number_of(tcp_sequence), source, length, pinfo)
            if not settled(conn) then
                connections[stream] = false
                return
            end
            if conn.proven then pinfo.conversation = gp end
        end
    end
    if conn then
        reached = max(reached, number)
        list = after(conn, pinfo, list, flags)
        conn.last_frame = number
    end
    if list and #list > 0 then
        list.source = source ~= nil
        found_by_rest[number] = list
        any_by_rest = true
        if conn.proven then show_new(list, source, pinfo, tree, was_handled) end
    end
end

register_postdissector(rest)

function gp.init()
    connections, tls_connections, exchanges, servers, syns = {}, {}, {}, {}, {}
    found, found_later, found_by_rest, any_by_rest, first_pass = {}, {}, {}, false, false
    reached, reading, handled, building, calls, finished_all = 0, 0, false, false, 0, false
    read_tree, read_columns, shown_tree, shown_columns = nil, nil, nil, nil
end

-- Ports of the preference come before other dissectors.
local taken_ports

local function ports_of(text)
    local ports = {}
    for first, second in tostring(text):gmatch("(%d+)%-?(%d*)") do
        for port = tonumber(first), min(tonumber(second) or tonumber(first), 65535) do ports[port] = true end
    end
    return ports
end

local function take_ports()
    local text = tostring(gp.prefs.ports)
    if text == taken_ports then return end
    local ports = DissectorTable.get("tcp.port")
    for port in pairs(ports_of(taken_ports or "")) do
        ports:remove(port, gp)
        if displaced[port] then ports:add(port, displaced[port]) end
    end
    displaced = {}
    for port in pairs(ports_of(text)) do
        local had, other = pcall(ports.get_dissector, ports, port)
        if had and other and tostring(other) ~= "gpfdist" then displaced[port] = other end
        ports:add(port, gp)
    end
    taken_ports = text
end

gp.prefs_changed = take_ports
take_ports()
DissectorTable.get("tls.port"):add_for_decode_as(inside_tls)
if set_plugin_info then set_plugin_info({version = VERSION, description = "Greenplum gpfdist", author = "gpinspect"}) end
