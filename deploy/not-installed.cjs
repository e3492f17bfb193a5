// In the bundle, what modbus-serial finds where it looks for serialport: it has ports of its own then, and the agent brings its.
module.exports = {};
