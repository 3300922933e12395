#!/usr/bin/env bash
# Build the wheel of one interpreter from the source archive, then import it where there is no compiler and no source.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:-python3}
limit=2000000 # octets
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" tools/preflight.py
"$python" -m venv "$work/build"
pip=("$work/build/bin/python" -m pip --quiet --disable-pip-version-check)
"${pip[@]}" install --upgrade pip
"${pip[@]}" install --group build
"$work/build/bin/python" setup.py --quiet sdist --dist-dir "$work/dist"
"${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$work/dist" "$work"/dist/*.tar.gz

wheel=$(echo "$work"/dist/*.whl)
size=$(wc -c <"$wheel")
if ((size > limit)); then
    echo "$(basename "$wheel") is $size octets; the limit is $limit" >&2
    exit 1
fi

"$python" -m venv "$work/fresh"
"$work/fresh/bin/python" -m pip --quiet --disable-pip-version-check install "$wheel"
cp tools/wheel_smoke.py "$work"
(cd "$work" && env -i PATH=/nonexistent fresh/bin/python wheel_smoke.py)

mkdir -p dist
cp "$work"/dist/* dist/
echo "dist/$(basename "$wheel"): $size octets"
