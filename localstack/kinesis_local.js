// node --require …: what kinesis-local, which LocalStack starts, lacks to be used here. No other program may load it.

// It has 0.0.0.0 built in: every server of the process listens on 127.0.0.1 and nowhere else.
const net = require('net');
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const [first] = args;
  if (first && typeof first === 'object' && first.port !== undefined) first.host = '127.0.0.1';
  else if (typeof first === 'number' && typeof args[1] === 'string') args[1] = '127.0.0.1';
  else if (typeof first === 'number') args.splice(1, 0, '127.0.0.1');
  return listen.apply(this, args);
};

// It is in a process group of its own, so that a killed LocalStack would leave it behind: it ends by itself.
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.exit(1); }, 1000).unref();

// For each record of a PutRecords, 0.5.2 computes the hash of every record that the shard holds: 500 records take
// 8 s of CPU at 10,000 held. Records never change, so that each one's hash is computed once. The number is that of
// the class KinesisRecord; a version that has none is left as it is.
const Module = require('module');
const compile = Module.prototype._compile;
Module.prototype._compile = function (source, ...rest) {
  const quick = source.replace(/return (\w+)\(this,-171008355,!0\)/, 'return this.$hash??=$1(this,-171008355,!0)');
  return compile.call(this, quick, ...rest);
};
