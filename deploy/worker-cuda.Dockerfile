# Workers that train on NVIDIA cards; the host brings the driver, through the NVIDIA Container Toolkit. Build from the
# repository's top: docker build -f deploy/worker-cuda.Dockerfile .
FROM node:22-bookworm-slim
ARG MARCH=x86-64-v3
ENV X3D_HOME=/data X3D_CACHE=/opt/x3d-cache X3D_MARCH=$MARCH REDIS_URL=redis://redis:6379 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,video
WORKDIR /opt/x3d-search
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY scripts scripts
COPY native native
COPY src src
RUN node scripts/setup.mjs --cuda && npm cache clean --force && rm -rf /var/lib/apt/lists/*
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
ENTRYPOINT ["node", "bin/x3d-search.js", "worker"]
CMD ["--device", "cuda:0"]
