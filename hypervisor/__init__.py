"""What libvirt needs underneath: doctor, system packages, toolchain, guest images, hypervisor."""
