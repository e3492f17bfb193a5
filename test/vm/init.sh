#!/bin/sh
# The first process of the guest: mounts what there is to mount, loads the modules, then does what it is told on the second
# serial port: one command a line; what it says comes back, and after it a line with its exit code.
export PATH=/usr/bin:/bin HOME=/root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
while read -r module; do insmod "/modules/$module" || echo "init: cannot load $module"; done < /modules/order
mount -t configfs config /sys/kernel/config
ifconfig lo 127.0.0.1 up
echo "init: up after $(cut -d' ' -f1 /proc/uptime) s"

exec < /dev/ttyS1 > /dev/ttyS1 2>&1
stty raw -echo
echo '@@ready'
while read -r command; do
  sh -c "$command" < /dev/null
  echo "@@done $?"
done
poweroff -f
