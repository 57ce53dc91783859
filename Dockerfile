# Two images from one tree, set up by the scripts that `npm start` runs:
#   linecard   the bridge            docker build --target linecard .
#   asterisk   the demo's PBX        docker build --target asterisk .

FROM node:20-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
RUN node scripts/setup.mjs --production

FROM node:20-bookworm-slim AS asterisk
WORKDIR /app
ENV ASTERISK_PREFIX=/opt/asterisk LINECARD_DATA_DIR=/data NODE_ENV=production
COPY package.json ./
COPY scripts ./scripts
COPY asterisk ./asterisk
COPY dialplan ./dialplan
COPY --from=build /app/dist ./dist
RUN node scripts/setup.mjs --only-asterisk && install -d -o node -g node /data
USER node
VOLUME /data
CMD ["node", "scripts/demo-pbx.mjs"]

FROM node:20-bookworm-slim AS linecard
WORKDIR /app
ENV LINECARD_DATA_DIR=/data NODE_ENV=production
COPY package.json ./
COPY scripts ./scripts
RUN node scripts/setup.mjs --only-packages && rm -rf /var/lib/apt/lists/* && install -d -o node -g node /data
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
VOLUME /data
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "scripts/health.mjs"]
CMD ["node", "scripts/container.mjs"]
