# The HTTP API and the coordinator, as a plain user that writes to /data alone. Build from the repository's top: docker build -f deploy/service.Dockerfile .
FROM node:22-bookworm-slim
ENV X3D_HOME=/data REDIS_URL=redis://redis:6379
WORKDIR /opt/x3d-search
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY scripts scripts
COPY src src
COPY web web
# It trains nothing, so it needs no TensorFlow.
RUN node scripts/setup.mjs --without-tensorflow && npm cache clean --force
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
# REDIS_URL comes by the environment, where it is not read by everyone. It listens once there is a token: see
# docker-compose.yml.
CMD ["node", "dist/service/main.js", "{\"home\": \"/data\", \"host\": \"0.0.0.0\", \"port\": 8080, \"dataRoots\": [\"/videos\"], \"names\": [\"service\"]}"]
