-- What a connection speaks, told from its first bytes on any port -------------------------------------------------------

local Opening = {content_end = nothing, cut_short = nothing, close = nothing}

local connections = {} -- by tcp.stream; false: not ours
local tls_connections = {}

local METHODS = {GET = true, POST = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, PATCH = true, TRACE = true, CONNECT = true}

local function classify(first)
    local letter = byte(first, 1)
    if match(first, "^%u%u+ ") and #match(first, "^%u+") <= 12 then return "request" end
    if sub(first, 1, 7) == "HTTP/1." then return "answer" end
    if #first < 7 and sub("HTTP/1.", 1, #first) == first then return "more" end
    if letter == 0x46 and #first >= 6 then
        return sub(first, 2, 3) == "\0\0" and byte(first, 6) == 0x2f and "package" or "unknown"
    end
    if sub(first, 1, 5) == END_PACKAGE then
        if #first == 5 then return "more" end
        return sub("HTTP/1.", 1, min(7, #first - 5)) == sub(first, 6, 12) and "answer" or "unknown"
    end
    if (letter == 0x46 or letter == 0x44) and #first < 6 and match(first, "^.\0*$") then return "more" end
    return match(first, "^%u+$") and #first <= 12 and "more" or "unknown"
end

local function roles(conn, client)
    conn.asking, conn.answering = conn.sides[client], conn.sides[client == 1 and 2 or 1]
    conn.client, conn.server = conn.names[client], conn.names[client == 1 and 2 or 1]
    conn.server_name = conn.server
    if conn.proven and conn.server then servers[conn.server] = true end
end

-- Give the held first bytes of a direction to the reader that understands them.
local function switch(side, reader, source, from, to)
    local was = side.reader
    side.reader = reader
    if was == Opening and side.seen ~= "" then
        local seen = side.seen
        side.seen = ""
        side.position = side.position - #seen
        if side.conn.feeding == side and #seen == to - from then
            deliver(side, source, from, to, side.frame, side.time)
        else
            deliver(side, seen, 0, #seen, side.frame, side.time)
        end
    elseif was ~= Opening and reader == RequestReader then
        side.reader = NOBODY
        pass_over(side, huge)
    end
end

local function speaks_http(conn, client, source, from, to)
    conn.spoken, conn.unproven = "http", false
    roles(conn, client)
    switch(conn.asking, RequestReader, source, from, to)
    switch(conn.answering, AnswerReader, source, from, to)
end

local function dismiss(conn)
    conn.spoken = "other"
    for _, side in ipairs(conn.sides) do
        side.reader = NOBODY
        pass_over(side, huge)
    end
end

-- The connection began before the capture: look for packages.
local function look_for_packages(side, source, from, to)
    local conn = side.conn
    conn.unproven = true
    conn.spoken = "unknown"
    local exchange = new_exchange(side)
    conn.exchanges = {}
    exchanges[#exchanges] = nil
    exchange.number = 1
    start_messages(side, exchange, false, false)
    local was = side.seen
    side.seen = ""
    side.position = side.position - #was
    if conn.feeding == side and #was == to - from then
        deliver(side, source, from, to, side.frame, side.time)
    elseif was ~= "" then
        deliver(side, was, 0, #was, side.frame, side.time)
    end
end

function recognised(side)
    local conn = side.conn
    if conn.spoken == "http" then return end
    conn.spoken, conn.unproven = "http", false
    roles(conn, side.index == 1 and 2 or 1)
    local exchange = side.messages.exchange
    conn.exchanges[#conn.exchanges + 1] = exchange
    exchange.number = #conn.exchanges
    exchanges[#exchanges + 1] = exchange
    side.exchange = exchange
    conn.asking.reader = NOBODY
    pass_over(conn.asking, huge)
    prove(conn)
end

function Opening.feed(side, source, from, to)
    local conn = side.conn
    side.seen = side.seen .. cut(source, from, to)
    side.position = side.position + to - from
    local verdict = classify(side.seen)
    if verdict == "request" and not conn.opened and not (METHODS[match(side.seen, "^%u+")]
        and (match(side.seen, "^%u+ [/*]") or match(side.seen, "^%u+ https?:"))) then
        verdict = #side.seen < 14 and "more" or "unknown"
    end
    conn.feeding = side
    if verdict == "request" then
        speaks_http(conn, side.index, source, from, to)
    elseif verdict == "answer" then
        speaks_http(conn, side.index == 1 and 2 or 1, source, from, to)
    elseif verdict == "more" then
        -- too few bytes to tell
    elseif not conn.opened or side.hole then
        look_for_packages(side, source, from, to)
    elseif side.index == 2 or #side.seen > LARGEST_HEAD then
        dismiss(conn)
    end
    conn.feeding = nil
    side.position = side.position - (to - from)
    return to
end

function Opening.lost(side)
    if side.seen ~= "" then
        side.conn.feeding = nil
        look_for_packages(side, "", 0, 0)
    else
        side.hole = true
    end
end

local function new_connection(key, opened, first, second)
    local conn = {key = key, opened = opened, exchanges = {}, complaints = 0, names = {first, second}, sides = {}, last_frame = 0}
    for index = 1, 2 do
        local side = new_side(conn, index)
        side.reader, side.seen = Opening, ""
        conn.sides[index] = side
    end
    conn.sides[1].peer, conn.sides[2].peer = conn.sides[2], conn.sides[1]
    return conn
end

-- Nothing more will be captured of a connection.
local function finish(conn)
    if conn.finished then return end
    conn.finished = true
    for _, side in ipairs(conn.sides) do finish_side(side) end
end
