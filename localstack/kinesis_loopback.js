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
