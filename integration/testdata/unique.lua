-- Gives each request of a run of wrk a URL of its own, so that a log can be held
-- against another one line by line: /page.html?request=THREAD-NUMBER, and HOSTS in turn, if
-- arguments name some.
local threads = 0

function setup(thread)
	thread:set("id", threads)
	threads = threads + 1
end

function init(args)
	number = 0
	hosts = args
end

function request()
	number = number + 1
	local headers = nil
	if #hosts > 0 then
		headers = { ["Host"] = hosts[number % #hosts + 1] }
	end
	return wrk.format("GET", "/page.html?request=" .. id .. "-" .. number, headers)
end
