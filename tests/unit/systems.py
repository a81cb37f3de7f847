"""The os-release files of systems that people have."""

BOOKWORM = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=debian
"""
SID = 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nVERSION_CODENAME=forky\nID=debian\n'
NOBLE = """\
PRETTY_NAME="Ubuntu 24.04.3 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
"""
RESOLUTE = NOBLE.replace("24.04.3", "26.04").replace("24.04", "26.04").replace("noble", "resolute")
MINT = """\
NAME="Linux Mint"
VERSION_ID="22.1"
PRETTY_NAME="Linux Mint 22.1"
ID=linuxmint
ID_LIKE="ubuntu debian"
VERSION_CODENAME=xia
UBUNTU_CODENAME=noble
"""
LMDE = """\
PRETTY_NAME="LMDE 6 (faye)"
ID=linuxmint
ID_LIKE=debian
VERSION_CODENAME=faye
DEBIAN_CODENAME=bookworm
"""
POP = 'PRETTY_NAME="Pop!_OS 24.04 LTS"\nID=pop\nID_LIKE="ubuntu debian"\nUBUNTU_CODENAME=noble\n'
FEDORA = 'PRETTY_NAME="Fedora Linux 43 (Workstation Edition)"\nID=fedora\nVERSION_ID=43\n'
ALMA = 'PRETTY_NAME="AlmaLinux 10.0"\nID="almalinux"\nID_LIKE="rhel centos fedora"\n'
ARCH = 'PRETTY_NAME="Arch Linux"\nID=arch\n'
