/** The only version of kafkajs that this adapter works with: it stands on the package's insides. */
export const clientVersion = "2.2.4";

/** SHA-256 of the files of kafkajs {@link clientVersion} that are used from inside, by path in the package. */
export const clientFiles: Readonly<Record<string, string>> = {
  "src/broker/index.js": "9cbea8898528c439c213080f99d86974460114f81b5034c49aeb593a0337ca90",
  "src/cluster/connectionPoolBuilder.js": "05a6be8bbf9e2bb9de56e7fc66e1f752799271ebe595575d57f244d8de198233",
  "src/network/connection.js": "2a993b2e74421ca6d846efd59e4ba74b11100dbe7d40d0f52ea3218e917aafdd",
  "src/network/connectionPool.js": "ecba4ba6fc4f2a6e5f336b838b573dcca3f01fb39542530841d68691fe4957de",
  "src/network/requestQueue/index.js": "b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c",
  "src/network/requestQueue/socketRequest.js": "dde28f8e26c6d17fe3383c60b2bfce27f4790ee4552ca7e73e78fdce30c6bf1d",
  "src/network/socketFactory.js": "1493fc580263350fdbe75fa633b6df70f39d4b11d0520b45243cb1df45168577",
  "src/protocol/decoder.js": "83c43fac8d6b8ef2dcf0dfe8bc4494e84c2c94d2b59fbe41a670505a5fcba41b",
  "src/protocol/encoder.js": "9977889e184a9e910e4f6098c36ec6a0ca36c183aa6ead0f24191b6aa1c9a777",
  "src/protocol/request.js": "2270900ca6474026c11957fe71ac586881985460ed2554db22ad8870dcaff634",
  "src/protocol/requests/index.js": "fd26a30565d7f0c14883140b7f4edadc42f34278a5f40084009b940c858ea2fd",
  "src/consumer/assignerProtocol.js": "d35452ae300d022164bc5c0218bd1269db8ec4641ca89968bea4c18aadaaf077",
  "src/loggers/index.js": "86c9e625c9310dcabcd731a591ab7036710b95936c8ea3f08698ecfd74222cd2",
};
