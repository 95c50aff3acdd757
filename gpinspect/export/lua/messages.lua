-- Protocol 1: messages and the packages they make -----------------------------------------------------------------------
--
-- After lost framing the next F O L D that looks right is taken, and what follows is marked as assumed.

do
Messages = {}

local SEARCH_LIMIT = 16777216
local LARGEST_TEXT = 65536
local CHAIN = "O\0\0\0\8"
local AFTER_NAME = 31 -- O with its number, L with its number, D and its length
local TAIL = 5 + LARGEST_NAME + AFTER_NAME + 4

local function u32(text, at)
    local a, b, c, d = byte(text, at, at + 3)
    return a * 16777216 + b * 65536 + c * 256 + d
end

-- A number of eight bytes in two halves: Lua's own numbers are too short for it.
local function u64(text, at) return {high = u32(text, at), low = u32(text, at + 4)} end

local function less(one, other)
    if one.high ~= other.high then return one.high < other.high end
    return one.low < other.low
end

function start_messages(side, exchange, found, zstd)
    local state = {
        exchange = exchange, partial = "", window = "", marks = {}, searching = not found, searched = 0, zstd = zstd, trailing = 0,
        lost_at = 0,
    }
    side.messages = state
    side.reader = Messages
    if not exchange.body_start and found then exchange.body_start = side.position end
    if not found then exchange.framing = false end
    exchange.protocol_1 = true
end

local function body_position(side) return side.position - (side.messages.exchange.body_start or 0) end

local function message(side, letter, length, fields)
    local state = side.messages
    local record = fields or {}
    record.kind, record.letter, record.length, record.exchange = "message", letter, length, state.exchange
    local known = LETTERS[letter]
    if known then state.exchange.counts[known.letter] = state.exchange.counts[known.letter] + 1 end
    return emit(record)
end

local function new_package(side, kind, position, head, length, frame, time)
    local state = side.messages
    local exchange = state.exchange
    local package = {
        exchange = exchange, kind = kind, index = exchange.packages, position = position, head = head, length = length, came = 0,
        offset = state.offset, line = state.line, frame = frame, time = time, assumed = state.assumed, rows = kind == "data",
        name = kind == "data" and state.name or nil,
    }
    exchange.packages = exchange.packages + 1
    state.assumed = false
    state.package = package
    state.begin, state.offset, state.line = nil, nil, nil
    return package
end

-- The messages of a package that stand in the same piece are shown below it.
local function gather(record, package)
    record.package = package
    local children = {}
    local at = #current - 1
    while at > 0 and current[at].kind == "message" and not current[at].package and current[at].exchange == record.exchange do
        table.insert(children, 1, current[at])
        at = at - 1
    end
    for index = #current, at + 1, -1 do current[index] = nil end
    children[#children + 1] = record
    emit({kind = "package", package = package, children = children, exchange = record.exchange, fresh = true})
end

local lose_framing

local function data_message(side, record, position, head, length, frame, time)
    local state = side.messages
    local exchange = state.exchange
    exchange.first_time = exchange.first_time or time
    if length == 0 then
        local package = new_package(side, "end", position, head, 0, frame, time)
        package.complete, package.end_frame = true, frame
        exchange.ended, state.over = true, true
        gather(record, package)
        return
    end
    local package = new_package(side, "data", position, head, length, frame, time)
    package.zstd = state.zstd
    state.last = {name = package.name, offset = package.offset}
    gather(record, package)
    if state.zstd then
        if length > LARGEST_BLOCK then
            complain(side, "GPI107", format("message D of %d bytes at byte %d of the body cannot be", length, position))
            lose_framing(side, position + head)
            return
        end
        package.start = (exchange.body_start or 0) + position + head
        state.frame_of = {step = "head", held = "", wanted = 5, skip = 0, package = package}
    else
        package.start = (exchange.body_start or 0) + position + head
        pass_over(side, length, package)
    end
end

local function error_text(side, package, source, from, to)
    local room = LARGEST_TEXT - #package.text
    package.text = package.text .. cut(source, from, min(to, from + max(0, room)))
end

local function error_message(side, record, position, length, frame, time)
    local package = new_package(side, "error", position, 5, length, frame, time)
    package.text = ""
    package.wants = error_text
    gather(record, package)
    if length > 0 then
        package.start = (side.messages.exchange.body_start or 0) + position + 5
        pass_over(side, length, package)
    else
        Messages.content_end(side)
    end
end

local function letter_text(letter)
    if letter > 0x20 and letter < 0x7f then return string.char(letter) end
    return format("0x%02x", letter)
end

local function strange(side, letter, length, position)
    local state = side.messages
    local known = LETTERS[letter]
    if state.unsure then
        -- its content was zstd perhaps, and longer or shorter than D says
    elseif not known then
        complain(side, "GPI103", format("unknown message letter %s at byte %d of the body", letter_text(letter), position))
    else
        complain(side, "GPI107", format("message %s of %d bytes at byte %d of the body cannot be", known.letter, length, position))
    end
    lose_framing(side, position)
end

-- A message head is whole; `text` is the content of F, O or L.
local function take_message(side, letter, length, text, at, size)
    local state = side.messages
    local begun = state.begun
    local position, frame, time = begun.position, begun.frame, begun.time
    local known = LETTERS[letter]
    if not known or length > LARGEST_LENGTH then
        strange(side, letter, length, position)
        -- the next head may begin in what was taken for one
        state.window = string.char(floor(length / 16777216) % 256, floor(length / 65536) % 256, floor(length / 256) % 256, length % 256)
        state.marks = {{position + 1 + (state.exchange.body_start or 0), frame, time}}
        return
    end
    state.unsure = false
    prove(side.conn)
    local record = message(side, letter, length, {at = at, size = size, position = position, frame = frame})
    if not state.begin then state.begin = {position = position, frame = frame, time = time} end
    local name = known.letter
    if name == "D" then
        local first = state.begin
        data_message(side, record, first.position, position + 5 - first.position, length, first.frame, first.time)
    elseif name == "E" then
        state.begin = nil
        error_message(side, record, position, length, frame, time)
    elseif name == "F" and length <= LARGEST_NAME then
        record.name = text
        state.name = text
    elseif name == "F" then
        complain(side, "GPI106", format("file name of %d bytes; a segment takes %d at most", length, LARGEST_NAME))
        state.name = nil
        pass_over(side, length, nil)
    elseif length ~= 8 then
        complain(side, "GPI105", format("message %s has %d bytes of content; it must have 8", name, length))
        pass_over(side, length, nil)
    elseif name == "O" then
        record.offset = u64(text, 1)
        state.offset = record.offset
    else
        record.line = u64(text, 1)
        state.line = record.line
    end
end

-- Bytes that must be together before a message can be taken.
local function needs(letter, length)
    local known = LETTERS[letter]
    if known and known.letter == "F" and length <= LARGEST_NAME then return 5 + length end
    if known and length == 8 and (known.letter == "O" or known.letter == "L") then return 13 end
    return 5
end

-- Where the zstd frame of a D ends: read from the heads of its blocks, nothing is decompressed (RFC 8878, 3.1.1).
local function walk_frame(side, source, from, to)
    local state = side.messages
    local walk = state.frame_of
    local package = walk.package
    local begin, problem = from, nil
    while from < to and not walk.over and not problem do
        if walk.skip > 0 then
            local step = min(walk.skip, to - from)
            walk.skip = walk.skip - step
            from = from + step
            if walk.skip == 0 and walk.step == "over" then walk.over = true end
        else
            local more = min(to, from + walk.wanted - #walk.held)
            walk.held = walk.held .. cut(source, from, more)
            from = more
            local held = walk.held
            if #held < walk.wanted then
                -- wait for the rest of it
            elseif walk.step == "head" then
                local descriptor = byte(held, 5)
                local single = floor(descriptor / 32) % 2
                local sizes = floor(descriptor / 64)
                local length = 5 + (1 - single) + DICTIONARY_BYTES[descriptor % 4 + 1]
                    + (sizes == 0 and single or CONTENT_BYTES[sizes + 1])
                if sub(held, 1, 4) ~= ZSTD_MAGIC then
                    problem = "it does not start like a zstd frame"
                elseif floor(descriptor / 8) % 2 == 1 then
                    problem = "the reserved bit of its descriptor is set"
                elseif #held < length then
                    walk.wanted = length
                else
                    walk.sum = floor(descriptor / 4) % 2 == 1
                    walk.step, walk.held, walk.wanted = "block", "", 3
                end
            else
                local a, b, c = byte(held, 1, 3)
                local value = a + b * 256 + c * 65536
                local kind, size = floor(value / 2) % 4, floor(value / 8)
                walk.held = ""
                if kind == 3 then
                    problem = "a block is of the reserved kind"
                else
                    walk.skip = kind == 1 and 1 or size
                    if value % 2 == 1 then
                        walk.step = "over"
                        walk.skip = walk.skip + (walk.sum and 4 or 0)
                        walk.over = walk.skip == 0
                    end
                end
            end
        end
    end
    local text = type(source) == "string" and cut(source, begin, from) or nil
    emit({kind = "content", owner = package, at = begin, length = from - begin, position = package.came, text = text})
    package.came = package.came + from - begin
    state.exchange.bytes = state.exchange.bytes + from - begin
    if problem then
        complain(side, "GPI108", "compressed content cannot be decompressed: " .. problem)
        state.frame_of = nil
        side.position = side.position + from - begin
        lose_framing(side, body_position(side))
        side.position = side.position - (from - begin)
    elseif walk.over then
        state.frame_of = nil
        package.complete, package.end_frame = true, side.frame
    end
    return from
end

local function plausible(window, at)
    if sub(window, at + 14, at + 18) ~= "L\0\0\0\8" or byte(window, at + 27) ~= 0x44 then return false end
    local size = u32(window, at + 28)
    return size > 0 and size <= LARGEST_LENGTH and byte(window, at + 6) < 0x10
end

-- Where the F whose name ends in front of `at` (both counted from 0) begins.
local function head_before(state, window, at)
    local name = state.name
    if name then
        local begin = at - #name - 5
        if begin >= 0 and sub(window, begin + 6, at) == name and sub(window, begin + 1, begin + 1) == "F"
            and u32(window, begin + 2) == #name then return begin end
    end
    for begin = at - 6, max(0, at - 5 - LARGEST_NAME), -1 do
        local a, b = byte(window, begin + 1, begin + 2)
        if a == 0x46 and b == 0 and u32(window, begin + 2) == at - begin - 5 then return begin end
    end
    return nil
end

-- A connection gets the blocks of a file in order: an earlier offset is an accident in the rows.
local function follows(state, name, offset)
    local last = state.last
    return not last or last.name ~= name or not last.offset or less(last.offset, offset)
end

-- The next plausible chain at or behind `start`: where its O stands and where its F begins, from 0.
local function chain(state, window, wanted, start)
    local at = find(window, CHAIN, start + 1, true)
    while at and at - 1 <= #window - wanted do
        at = at - 1
        if plausible(window, at) then
            local head = head_before(state, window, at)
            if head and follows(state, sub(window, head + 6, at), u64(window, at + 6)) then return at, head end
        end
        at = find(window, CHAIN, at + 2, true)
    end
    return nil
end

local function found_chain(side, window, head, kept, source, from)
    local state = side.messages
    local exchange = state.exchange
    local behind = kept - head
    local start = side.position - behind
    local frame, time = side.frame, side.time
    for _, one in ipairs(state.marks) do
        if one[1] <= start then frame, time = one[2], one[3] end
    end
    if not exchange.body_start then
        exchange.body_start = start
        recognised(side)
    elseif not side.conn.unproven then
        complain(side, "GPI102", format("messages were found again at byte %d; %d bytes were skipped",
            start - exchange.body_start, max(0, start - state.lost_at)))
    end
    prove(side.conn)
    state.searching, state.unsure, state.assumed = false, false, true
    exchange.framing = true
    state.window, state.partial = "", ""
    local length = u32(window, head + 2)
    local after = head + 5 + length
    local position = start - exchange.body_start
    local marked = type(source) ~= "string" and head >= kept
    local function place(record_at, size)
        if not marked then return {position = position + record_at - head, frame = frame} end
        return {at = from + record_at - kept, size = size, position = position + record_at - head, frame = frame}
    end
    state.name = sub(window, head + 6, after)
    message(side, 0x46, length, place(head, 5 + length)).name = state.name
    state.offset, state.line = u64(window, after + 6), u64(window, after + 19)
    message(side, 0x4f, 8, place(after, 13)).offset = state.offset
    message(side, 0x4c, 8, place(after + 13, 13)).line = state.line
    local size = u32(window, after + 28)
    local reached = after + AFTER_NAME
    local remaining = sub(window, reached + 1, kept)
    side.position = side.position - #remaining
    data_message(side, message(side, 0x44, size, place(after + 26, 5)), position, reached - head, size, frame, time)
    if #remaining > 0 then deliver(side, remaining, 0, #remaining, side.frame, side.time) end
    return from + max(0, reached - kept)
end

-- Bytes are missing behind a head that is whole: its package counts, though nothing tells whether its content is zstd.
local function bare_head(side)
    local state = side.messages
    local window = state.window
    local at, head = chain(state, window, AFTER_NAME, 0)
    while at do
        if #window - at - AFTER_NAME < 4 then
            found_chain(side, window, head, #window, "", 0)
            return
        end
        at, head = chain(state, window, AFTER_NAME, at + 1)
    end
end

-- Of the content of the package that was found, and perhaps of what follows it, the next `count` bytes are missing.
local function into_the_hole(side, count)
    side.messages.unsure = true
    local inside = min(side.left, count)
    side.left = side.left - inside
    side.position = side.position + inside
    if side.owner then side.owner.lacks = (side.owner.lacks or 0) + inside end
    if side.left == 0 then side.reader.content_end(side) end
    if count > inside then
        side.position = side.position + count - inside
        Messages.lost(side, count - inside)
    end
end

function lose_framing(side, position)
    local state = side.messages
    if not state.searching then
        complain(side, "GPI101", format("at byte %d of the body it is not known where the next message starts", position))
        state.lost_at = position + (state.exchange.body_start or 0)
    end
    state.searching = true
    state.partial, state.window, state.marks = "", "", {}
    state.begin, state.offset, state.line = nil, nil, nil
end

local function search(side, source, from, to)
    local state = side.messages
    local exchange = state.exchange
    local kept = #state.window
    local window = state.window .. cut(source, from, to)
    state.marks[#state.marks + 1] = {side.position, side.frame, side.time}
    local guess = not exchange.head_whole and not exchange.zstd and (exchange.asked_zstd or not exchange.whole)
    local at, head = chain(state, window, AFTER_NAME + (guess and 4 or 0), 0)
    if at then
        if guess then
            state.zstd = sub(window, at + AFTER_NAME + 1, at + AFTER_NAME + 4) == ZSTD_MAGIC
            exchange.zstd = state.zstd
        end
        return found_chain(side, window, head, kept, source, from)
    end
    state.searched = state.searched + to - from
    state.window = sub(window, -TAIL)
    local first = side.position + to - from - #state.window
    while state.marks[2] and state.marks[2][1] <= first do table.remove(state.marks, 1) end
    if side.conn.unproven and state.searched > SEARCH_LIMIT then
        state.window = ""
        pass_over(side, huge)
        side.conn.hopeless = true
        return from
    end
    return to
end

function Messages.feed(side, source, from, to)
    local state = side.messages
    if state.frame_of then return walk_frame(side, source, from, to) end
    if state.over then
        if state.trailing == 0 then complain(side, "GPI109", format("%d bytes follow the end of data", to - from)) end
        state.trailing = state.trailing + to - from
        return to
    end
    if state.searching then return search(side, source, from, to) end
    local begin = from
    local partial = state.partial
    if partial == "" then state.begun = {position = body_position(side), frame = side.frame, time = side.time} end
    local wanted, letter, length = 5, nil, nil
    while true do
        local more = min(to, from + max(0, wanted - #partial))
        partial = partial .. cut(source, from, more)
        from = more
        if #partial < wanted then
            state.partial = partial
            return from
        end
        letter, length = byte(partial, 1), u32(partial, 2)
        local all = needs(letter, length)
        if all == wanted then break end
        wanted = all
    end
    state.partial = ""
    side.position = side.position + from - begin
    local at, size = nil, nil
    if type(source) ~= "string" then at, size = begin, from - begin end
    take_message(side, letter, length, sub(partial, 6), at, size)
    side.position = side.position - (from - begin)
    return from
end

function Messages.content_end(side)
    local package = side.messages.package
    if not package or side.messages.begin then return end -- the content of a strange F, O or L
    package.end_frame, package.end_time = side.frame, side.time
    package.complete = not package.lacks
    if package.kind == "error" then
        emit({kind = "text", package = package, exchange = package.exchange})
        complain(side, "GPI201", "gpfdist stopped with an error: " .. package.text)
    end
end

function Messages.cut_short() end

function Messages.lost(side, count)
    local state = side.messages
    if state.over then return end
    if state.searching and count > 0 then
        side.position = side.position - count
        bare_head(side)
        if not state.searching then
            into_the_hole(side, count)
            return
        end
        side.position = side.position + count
    end
    state.frame_of = nil
    state.exchange.framing = false
    lose_framing(side, body_position(side))
end

function Messages.close(side)
    local state = side.messages
    local exchange = state.exchange
    if state.announced and exchange.body_start and side.conn.closed then
        local came = body_position(side)
        if came ~= state.announced then
            complain(side, "GPI115", format("framing that gpfdist does not have: Content-Length: %d for a body of %d bytes",
                state.announced, came))
        end
    end
    if state.searching then bare_head(side) end
    local alone = not exchange.body_start and not side.conn.unproven
    if state.searching and sub(state.window, -5) == END_PACKAGE and (alone or exchange.body_start) then
        if not exchange.body_start then exchange.body_start = side.position - 5 end
        local position = body_position(side) - 5
        state.assumed, state.searching = true, false
        exchange.framing = true
        data_message(side, message(side, 0x44, 0, {position = position, frame = side.frame}), position, 5, 0, side.frame, side.time)
    end
end

-- Cloudberry sends the end package of a POST in front of the status line.
function send_end_before_head(side, exchange, source, from, to)
    side.messages = {exchange = exchange}
    local record = message(side, 0x44, 0, {position = 0, frame = side.frame})
    exchange.ended = true
    if type(source) ~= "string" then record.at, record.size = max(0, from), to - max(0, from) end
    prove(side.conn)
end

end
