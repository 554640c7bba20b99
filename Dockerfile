# vidgate 的容器镜像: docker build -t vidgate . 见 docs/closed-networks.md. The image; see docs/closed-networks.md.
#
#   docker run --network host -v vidgate:/var/lib/vidgate vidgate            # 运行服务 / the service
#   docker run --rm --network host vidgate demo                             # 演示 / the demo
#
# 基础镜像可换成内网镜像库里的: --build-arg PYTHON=... --build-arg NODE=...
# Both base images can be taken from a mirror inside a closed network.

ARG NODE=node:22-bookworm-slim
ARG PYTHON=python:3.11-slim-bookworm

# --- 控制台 / the console ------------------------------------------------------------------------
FROM ${NODE} AS console
WORKDIR /src/vidgate/console
# 先只放清单: 源码改动时不必重装 / the lists alone first: a change of source installs nothing anew
COPY vidgate/console/package.json vidgate/console/package-lock.json vidgate/console/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY vidgate/console ./
RUN npm run build

# --- 安装包和全部依赖 / the wheel with all that it needs -------------------------------------------
FROM ${PYTHON} AS wheel
WORKDIR /src
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY constraints.txt pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY configs ./configs
COPY docs ./docs
COPY vidgate ./vidgate
COPY --from=console /src/vidgate/console/dist ./vidgate/console/dist
RUN python -m venv /opt/vidgate \
 && /opt/vidgate/bin/pip wheel --quiet --no-deps --wheel-dir /wheels . \
 && /opt/vidgate/bin/pip install --quiet /wheels/*.whl \
 && /opt/vidgate/bin/pip uninstall --quiet --yes pip setuptools

# --- 运行 / what runs --------------------------------------------------------------------------
FROM ${PYTHON} AS runtime
LABEL org.opencontainers.image.title="vidgate" \
      org.opencontainers.image.description="Video and convergence-communication gateway of a command centre" \
      org.opencontainers.image.licenses="Apache-2.0"
# 字幕要用中文字体 / a CJK font for captions
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends fonts-wqy-microhei \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/vidgate --shell /usr/sbin/nologin vidgate \
 && install -d -m 700 -o vidgate -g vidgate /var/lib/vidgate
COPY --from=wheel /opt/vidgate /opt/vidgate
# 基础镜像的时区是 UTC: 日报和检修时刻会差 8 小时. 用 -e TZ=... 改 / the base image's zone is UTC, 8 h off
ENV TZ=Asia/Shanghai
ENV PATH=/opt/vidgate/bin:$PATH VIDGATE_DATA=/var/lib/vidgate PYTHONFAULTHANDLER=1
USER vidgate
WORKDIR /var/lib/vidgate
VOLUME /var/lib/vidgate
EXPOSE 8080/tcp 8443/tcp 8189/udp
STOPSIGNAL SIGTERM
# 经数据目录里的套接字询问, 与端口和证书无关 / asked by the socket in the data folder, whatever port and certificate
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["vidgate", "doctor", "--ready"]
ENTRYPOINT ["vidgate"]
CMD ["serve"]
