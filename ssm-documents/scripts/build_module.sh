# On a clean builder that was started from the image of the instance, never on the instance.
set -eu
umask 077
say() { echo "Hozen-BuildModule: $*" >&2; }
[ -n "${SSM_Store+x}" ] || { say "the agent of Systems Manager is too old for parameters in variables"; exit 40; }
# Where deb and rpm put it, and where Distributor does.
builder='' hozen=''
for place in /usr/share/hozen/build-module.sh /opt/hozen/build-module.sh; do
  if [ -x "$place" ]; then builder="$place"; break; fi
done
for place in /usr/bin/hozen /usr/local/bin/hozen /opt/hozen/bin/hozen; do
  if [ -x "$place" ]; then hozen="$place"; break; fi
done
[ -n "$builder" ] && [ -n "$hozen" ] || { say "hozen is not on this builder: install the package"; exit 44; }
command -v aws >/dev/null || { say "this image has no aws, which brings the source and the key and takes the module away: take an image that has it"; exit 44; }
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
release="${SSM_KernelRelease:-$(uname -r)}"
[ -n "$release" ] || release="$(uname -r)"
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >&2
  apt-get install -y -q --no-install-recommends make gcc binutils "linux-headers-$release" >&2
else
  # The table of packaging/lime/README.md: the headers' name, and a compiler like the kernel's own.
  set -- make gcc binutils elfutils-libelf-devel
  case "$release" in
    6.12.*.amzn2023.*) set -- "$@" "kernel6.12-devel-$release" ;;
    5.10.*.amzn2.* | 5.15.*.amzn2.*) set -- "$@" gcc10 "kernel-devel-$release"; export MAKEFLAGS=CC=gcc10-gcc ;;
    *) set -- "$@" "kernel-devel-$release" ;;
  esac
  dnf install -y -q "$@" >&2 || yum install -y -q "$@" >&2
fi
aws s3 cp --quiet "$SSM_LimeSource" "$work/lime.tar.gz"
echo "$SSM_LimeSha256  $work/lime.tar.gz" | sha256sum -c - >&2
mkdir "$work/src" "$work/store"
tar -xzf "$work/lime.tar.gz" -C "$work/src" --strip-components=1
[ -f "$work/src/main.c" ] || { mv "$work/src/src" "$work/lime" && rm -rf "$work/src" && mv "$work/lime" "$work/src"; }
aws s3 sync --quiet "$SSM_Store" "$work/store"
aws ssm get-parameter --name "$SSM_KeyParameter" --with-decryption --query Parameter.Value --output text >"$work/modules.key"
bash "$builder" --hozen "$hozen" --store "$work/store" --key "$work/modules.key" --release "$release" --source "$work/src" --replace
# The modules first, the index that names them last.
aws s3 sync --quiet "$work/store/modules" "$SSM_Store/modules"
aws s3 cp --quiet "$work/store/index.json" "$SSM_Store/index.json"
printf '{"v":1,"outcome":"complete","release":"%s"}\n' "$release"
