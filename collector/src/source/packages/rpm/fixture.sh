#!/bin/sh
# Makes a database of rpm 4.18 with 42 packages, and OUTPUT.txt, what rpm says of it (Debian's rpm, sqlite3): ./fixture.sh OUTPUT
# One has a directory, two files, a link, configuration and a file that it only owns; one a description of five overflow pages; the others
# nothing, so that the table has a page of pages. fixture.sqlite.zst is that, by zstd -19; the same bytes each time.
set -eu
export LC_ALL=C
out=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1700000000
{
    cat <<'SPEC'
Name: hozen-main
Version: 1.2.3
Release: 4
Epoch: 5
Summary: main
License: MIT
Vendor: Hozen
Group: Tests/Main
BuildArch: noarch
%description
main
%package -n hozen-long
Summary: long
%description -n hozen-long
SPEC
    # More than three pages of 4 KiB.
    seq -f 'line %05g of a description that is long' 1 500
    for n in $(seq 1 40); do
        printf '%%package -n hozen-%02d\nSummary: n\n%%description -n hozen-%02d\nn\n%%files -n hozen-%02d\n' "$n" "$n" "$n"
    done
    cat <<'SPEC'
%prep
%build
%install
mkdir -p %{buildroot}/opt/hozen/dir %{buildroot}/etc
printf one >%{buildroot}/opt/hozen/one
printf two >%{buildroot}/opt/hozen/two
chmod 4755 %{buildroot}/opt/hozen/two
printf 'a=b\n' >%{buildroot}/etc/hozen.conf
printf g >%{buildroot}/opt/hozen/ghost
ln -s one %{buildroot}/opt/hozen/link
printf long >%{buildroot}/opt/hozen/long
%files
%dir /opt/hozen/dir
/opt/hozen/one
%attr(4755,root,root) /opt/hozen/two
/opt/hozen/link
%config(noreplace) /etc/hozen.conf
%ghost /opt/hozen/ghost
%files -n hozen-long
/opt/hozen/long
SPEC
} >"$work/hozen.spec"
rpmbuild -bb --quiet --define "_topdir $work" --define '_buildhost fixture' --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' "$work/hozen.spec"
mkdir "$work/db"
rpm --dbpath "$work/db" --define '_db_backend sqlite' --justdb --nodeps --noscripts -i "$work"/RPMS/noarch/*.rpm
ls -l "$work/db" >&2
rpm --dbpath "$work/db" -qa --qf '%{NAME} %{EPOCH} %{VERSION} %{RELEASE} %{ARCH} %{SIZE} %{SHA1HEADER} %{SHA256HEADER} %{SOURCERPM}\n' | sort >"$out.txt"
rpm --dbpath "$work/db" -q --dump hozen-main >>"$out.txt"
ls -l "$work/db" >&2
sqlite3 "$work/db/rpmdb.sqlite" 'PRAGMA journal_mode; PRAGMA integrity_check; PRAGMA page_size;SELECT count(*), max(length(blob)) FROM Packages' >&2
cp "$work/db/rpmdb.sqlite" "$out"
