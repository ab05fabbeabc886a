#!/bin/sh
# Publishes the Distributor package, as an SSM document of type Package, with AWS's own command line. Shows what it would do unless
# --yes is given.
#
# usage: publish.sh [--yes] [--name NAME] [--share ACCOUNT[,ACCOUNT…]] s3://BUCKET/PREFIX FOLDER
#   --name    of the document; default: Hozen
#   --share   accounts that may install it
#   FOLDER    what packaging/dist.sh left in `distributor`: two zips and manifest.json
#
# The zips lie in the bucket until the document has them; then the copies may go. Needs s3:PutObject there, ssm:CreateDocument,
# ssm:UpdateDocument, ssm:UpdateDocumentDefaultVersion, ssm:DescribeDocument and, for --share, ssm:ModifyDocumentPermission.
set -eu
yes='' name=Hozen share=''
usage() { sed -n '5,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while [ $# -gt 2 ]; do
  case "$1" in
    --yes) yes=1 ;;
    --name) name="$2"; shift ;;
    --share) share="$2"; shift ;;
    *) usage ;;
  esac
  shift
done
[ $# = 2 ] || usage
case "$1" in s3://*/*) bucket="${1%/}" ;; *) usage ;; esac
folder="$2"
[ -f "$folder/manifest.json" ] || { echo "publish: no manifest.json in $folder" >&2; exit 1; }

run() {
  if [ -n "$yes" ]; then "$@"; else echo "would run: $*"; fi
}

latest() {
  aws ssm describe-document --name "$name" --document-version '$LATEST' --query Document.DocumentVersion --output text
}

version="$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$folder/manifest.json")"
[ -n "$version" ] || { echo "publish: manifest.json names no version" >&2; exit 1; }
set -- "Key=SourceUrl,Values=$bucket"
for zip in "$folder"/*.zip; do
  sum="$(sha256sum "$zip" | cut -d ' ' -f 1)"
  grep -q "$sum" "$folder/manifest.json" || { echo "publish: $zip is not the one that manifest.json names" >&2; exit 1; }
  run aws s3 cp "$zip" "$bucket/$(basename "$zip")"
done
# The version of the document must be that of the manifest: the agent names folders by it.
if aws ssm describe-document --name "$name" >/dev/null 2>&1; then
  # A new version does not become the default by itself.
  run aws ssm update-document --name "$name" --version-name "$version" --document-version '$LATEST' \
    --attachments "$@" --content "file://$folder/manifest.json"
  run aws ssm update-document-default-version --name "$name" --document-version "$(latest)"
else
  run aws ssm create-document --name "$name" --document-type Package --version-name "$version" \
    --attachments "$@" --content "file://$folder/manifest.json"
fi
[ -z "$share" ] || run aws ssm modify-document-permission --name "$name" --permission-type Share --account-ids-to-add "$share"
