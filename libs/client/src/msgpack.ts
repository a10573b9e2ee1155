/** The MessagePack wire format: `connect(url, { codec: msgpack })`. Smaller frames and binary data; adds about 12 KB (gzipped) to a page. */
export { msgpackCodec as msgpack } from '@roomway/protocol/msgpack'
