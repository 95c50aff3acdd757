-- One direction of bytes: segments in any order in, ordered bytes and holes out ---------------------------------------
--
-- The byte captured first wins. A hole is final when its receiver has acknowledged it and a little more time has passed, when the
-- connection ends, or when too much waits behind it. Content of messages is passed over by count and never copied.

local WRAP, HALF, WINDOW, JUMP = 4294967296, 2147483648, 1073741824, 1048576
local PATIENCE_S, PATIENCE_SEGMENTS, ONE_SIDED_SEGMENTS = 0.2, 64, 256
local LARGEST_STASH, MOST_STASHED = 8388608, 8192

local reading = 0 -- the frame that is being read
local current = {} -- records of the piece that is being worked on

local function cut(source, from, to)
    if to <= from then return "" end
    if type(source) == "string" then return sub(source, from + 1, to) end
    return source:raw(from, to - from)
end

local function emit(record)
    current[#current + 1] = record
    return record
end

local function complain(side, code, text)
    side.conn.complaints = side.conn.complaints + 1
    if side.conn.complaints <= 1000 then emit({kind = "complaint", code = code, text = text}) end
end

local function nothing() end
local NOBODY = {
    feed = function(_, _, _, to) return to end,
    content_end = nothing, lost = nothing, cut_short = nothing, close = nothing,
}

local function new_side(conn, index)
    return {
        conn = conn, index = index, position = 0, left = 0, reader = NOBODY, owners = {}, early = {}, early_bytes = 0, late_acks = 0,
        frame = 0, time = 0, missing = 0, capture_loss = 0, network_loss = 0, head = "", searched = 0,
    }
end

-- Announce content: `owner` is told of in each frame that holds a piece of it.
local function pass_over(side, count, owner)
    side.left = count
    side.owner = owner
    if owner then
        owner.start = owner.start or side.position
        owner.read_in = reading
        side.owners[#side.owners + 1] = owner
    end
end

local function deliver(side, source, from, to, frame, time)
    side.frame, side.time = frame, time
    while from < to do
        local left = side.left
        if left > 0 then
            local take = min(left, to - from)
            local owner = side.owner
            if owner then
                local text = type(source) == "string" and cut(source, from, from + take) or nil
                emit({kind = "content", owner = owner, at = from, length = take, position = side.position - owner.start, text = text})
                owner.came = owner.came + take
                owner.exchange.bytes = owner.exchange.bytes + (owner.rows and take or 0)
                if owner.wants then owner.wants(side, owner, source, from, from + take) end
            end
            side.left = left - take
            side.position = side.position + take
            from = from + take
            if take == left then side.reader.content_end(side) end
        else
            local reached = side.reader.feed(side, source, from, to)
            side.position = side.position + reached - from
            from = reached
        end
    end
end

-- The next `count` bytes are not in the capture.
local function lose(side, count)
    side.missing = side.missing + count
    while count > 0 do
        if side.left > 0 then
            local take = min(side.left, count)
            side.left = side.left - take
            side.position = side.position + take
            count = count - take
            if side.owner then side.owner.lacks = (side.owner.lacks or 0) + take end
            if side.left == 0 then side.reader.content_end(side) end
        else
            side.position = side.position + count
            side.reader.lost(side, count)
            count = 0
        end
    end
end

local function take(side, source, from, captured, length, frame, time)
    side.next = (side.next + length) % WRAP
    deliver(side, source, from, captured, frame, time)
    if captured - from < length then
        emit({kind = "snapped", count = length - max(0, captured - from)})
        lose(side, length - max(0, captured - from))
    end
end

local function keep(side, index, position, data, length, frame, time)
    local kept = sub(data, 1, length)
    table.insert(side.early, index, {position = position, data = kept, length = length, frame = frame, time = time})
    side.early_bytes = side.early_bytes + #kept
end

-- Keep what no earlier segment covers.
local function stash(side, position, data, length, frame, time)
    local early = side.early
    local low, high = 1, #early + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if early[middle].position < position then low = middle + 1 else high = middle end
    end
    local index = low
    if index > 1 and early[index - 1].position + early[index - 1].length > position then index = index - 1 end
    local stop = position + length
    while index <= #early and early[index].position < stop do
        local known = early[index]
        if position < known.position then
            keep(side, index, position, data, known.position - position, frame, time)
            data = sub(data, known.position - position + 1)
            position = known.position
            index = index + 1
        end
        local again = min(stop, known.position + known.length) - position
        if again > 0 then
            data = sub(data, again + 1)
            position = position + again
        end
        index = index + 1
    end
    if position < stop then keep(side, index, position, data, stop - position, frame, time) end
end

-- Deliver what has become continuous.
local function drain(side)
    local early, taken = side.early, 0
    while early[taken + 1] and early[taken + 1].position <= side.position do
        taken = taken + 1
        local one = early[taken]
        side.early_bytes = side.early_bytes - #one.data
        take(side, one.data, 0, #one.data, one.length, one.frame, one.time)
    end
    if taken > 0 then
        local count = #early
        for index = 1, count do early[index] = early[index + taken] end
        side.acked_at = nil
    end
end

-- Has the receiver acknowledged the byte behind the hole?
local function acked(side, hole)
    local ack = side.peer.ack
    if not ack or not side.next then return false end
    local beyond = (ack - side.next) % WRAP
    return hole <= beyond and beyond <= WINDOW
end

local function give_up(side, hole, by_capture)
    if by_capture then
        side.capture_loss = side.capture_loss + hole
        complain(side, "GPI020", format("%d bytes were acknowledged but are not in the capture", hole))
    else
        side.network_loss = side.network_loss + hole
        complain(side, "GPI021", format("%d bytes never arrived", hole))
    end
    emit({kind = "lost", count = hole})
    side.next = (side.next + hole) % WRAP
    lose(side, hole)
    side.acked_at = nil
    drain(side)
end

-- Give up the first hole if it can no longer be filled.
local function decide(side, time)
    while #side.early > 0 do
        local hole = side.early[1].position - side.position
        local is_acked = acked(side, hole)
        if is_acked and not side.acked_at then
            side.acked_at = time
            side.late_acks = 0
        end
        if is_acked then side.late_acks = side.late_acks + 1 end
        local full = side.early_bytes > LARGEST_STASH or #side.early > MOST_STASHED
        local over = is_acked and (time - side.acked_at > PATIENCE_S or side.late_acks > PATIENCE_SEGMENTS)
        local one_sided = not side.peer.next and #side.early > ONE_SIDED_SEGMENTS
        if not (full or over or one_sided) then return end
        if full and not is_acked then complain(side, "GPI023", format("%d bytes arrived too far out of order", side.early_bytes)) end
        give_up(side, hole, is_acked or one_sided)
    end
end

-- A segment: `captured` bytes of `source`, of which `length` were on the wire.
local function arrive(side, sequence, source, captured, length, frame, time)
    if not side.next then side.next = sequence end
    side.origin = side.origin or side.next
    local ahead = (sequence - side.next) % WRAP
    if ahead >= HALF then ahead = ahead - WRAP end
    if ahead > WINDOW or side.position + ahead < -JUMP then return end
    local from = 0
    if ahead < 0 then
        from = min(-ahead, length)
        if from == length then return end
        length = length - from
        captured = max(from, captured)
        ahead = 0
    end
    local early = side.early
    if ahead == 0 and #early == 0 then
        take(side, source, from, captured, length, frame, time)
    elseif ahead == 0 then
        local free = min(length, early[1].position - side.position)
        if free > 0 then take(side, source, from, min(captured, from + free), free, frame, time) end
        if length > free then
            stash(side, side.position, cut(source, min(captured, from + free), captured), length - free, frame, time)
        end
        drain(side)
    else
        stash(side, side.position + ahead, cut(source, from, captured), length - from, frame, time)
    end
    if #early > 0 then decide(side, time) end
end

-- Nothing will be captured of this direction any more.
local function finish_side(side)
    while #side.early > 0 do
        local hole = side.early[1].position - side.position
        give_up(side, hole, acked(side, hole))
    end
    local syn = side.conn.syns and side.conn.syns[side.conn.ports[side.index]]
    if not side.next and syn then side.next = (syn + 1) % WRAP end
    local ack = side.peer.ack
    if side.next and ack then
        if side.fin and (ack - side.fin) % WRAP == 1 then ack = side.fin end
        local unseen = (ack - side.next) % WRAP
        if unseen == 1 and not side.fin then unseen = 0 end
        if unseen > 0 and unseen <= WINDOW then give_up(side, unseen, true) end
    end
    side.reader.close(side)
    side.reader = NOBODY
end
