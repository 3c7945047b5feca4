// node --require …: every server of the process listens on 127.0.0.1 and nowhere else.
// kinesis-local, which LocalStack starts, has 0.0.0.0 built in.
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const [first] = args;
  if (first && typeof first === 'object' && first.port !== undefined) first.host = '127.0.0.1';
  else if (typeof first === 'number' && typeof args[1] === 'string') args[1] = '127.0.0.1';
  else if (typeof first === 'number') args.splice(1, 0, '127.0.0.1');
  return listen.apply(this, args);
};

// kinesis-local is in a process group of its own, so that a killed LocalStack would leave it behind: it ends by itself.
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 1000).unref();
