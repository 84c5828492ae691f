# vos-toolkit on a processor: `docker build -t vos .`, then
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" vos demo -o demo
# Files are read from and written to /data. Downloaded weights are kept in /weights: -v vos-weights:/weights
FROM python:3.12-slim

RUN useradd --create-home --uid 1000 vos && install -d -o vos -m 777 /data /weights
WORKDIR /opt/vos-toolkit
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch torchvision
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY vos vos
COPY pretrain pretrain
COPY benchmarks benchmarks
RUN pip install --no-cache-dir --prefer-binary ".[all]"

ENV HOME=/home/vos XDG_CACHE_HOME=/weights
USER vos
WORKDIR /data
ENTRYPOINT ["vos"]
