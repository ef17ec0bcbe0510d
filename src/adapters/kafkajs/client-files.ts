/** The only version of kafkajs that this adapter works with: it stands on the package's insides. */
export const clientVersion = "2.2.4";

/**
 * SHA-256 of every file of kafkajs {@link clientVersion} that what is used from inside can load, by path in the package.
 * Long, because it is data: a line per file.
 */
export const clientFiles: Readonly<Record<string, string>> = {
  "src/broker/index.js": "9cbea8898528c439c213080f99d86974460114f81b5034c49aeb593a0337ca90",
  "src/broker/saslAuthenticator/awsIam.js": "53a9742359a47bf9b3f88301dd7498e3af54d318acf237ec691c1223b56912b5",
  "src/broker/saslAuthenticator/index.js": "535765470e1172399633a8cd8238212c0fbcda859980d09ced42a8b7184e429b",
  "src/broker/saslAuthenticator/oauthBearer.js": "40e6353d698cc6d019ebdb0077e954bd40a1510a09a0ab91a74ef1255d542247",
  "src/broker/saslAuthenticator/plain.js": "291dac5bdde12c4c0fbe6fe4a6c3f4d307b7e251b364788650042dc3a13a11ff",
  "src/broker/saslAuthenticator/scram.js": "f85d2cfe3c99d14a4f9f0b67c5f7457ac2affbfdfd4c0af7debbb61e969f2db5",
  "src/broker/saslAuthenticator/scram256.js": "cdbc147ee965aefd0e53db01b3b175defbf08fb8a5039899fd0fb8bd1fcf8405",
  "src/broker/saslAuthenticator/scram512.js": "7a7ce87c7b68ffb872115456e24fc132d6ac1f232acadd5f7b4edfdb00c395d4",
  "src/constants.js": "b857f87ce41383833c1b4de7d678946bb0229093cc9f9b98a2b6d06c1c8921cb",
  "src/consumer/assignerProtocol.js": "d35452ae300d022164bc5c0218bd1269db8ec4641ca89968bea4c18aadaaf077",
  "src/env.js": "0ad765f5f643cdfad2d50c0658950dddc0a41797b26b5052c6b4cc5d1bff4d82",
  "src/errors.js": "bb3e50177a7b73f4cd35b3318d50a2fc50d9e631488c6ae89669b31aee25c926",
  "src/instrumentation/eventType.js": "422197fa0b0e2001471eafa66872c4740ebc4da6d4627cf6eb4013ef56d8ea12",
  "src/loggers/index.js": "86c9e625c9310dcabcd731a591ab7036710b95936c8ea3f08698ecfd74222cd2",
  "src/network/connection.js": "2a993b2e74421ca6d846efd59e4ba74b11100dbe7d40d0f52ea3218e917aafdd",
  "src/network/connectionPool.js": "ecba4ba6fc4f2a6e5f336b838b573dcca3f01fb39542530841d68691fe4957de",
  "src/network/connectionStatus.js": "a0464f790cd648400dd655a133ea6bf86d21affeb86bc959aec867d2e97ff63f",
  "src/network/instrumentationEvents.js": "400989e4b1c2c2df5298e32cde50af2bcad3c306228dfb35f5860513b3b59e69",
  "src/network/requestQueue/index.js": "b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c",
  "src/network/requestQueue/socketRequest.js": "dde28f8e26c6d17fe3383c60b2bfce27f4790ee4552ca7e73e78fdce30c6bf1d",
  "src/network/socket.js": "9922c37e8a4d9e6b040e3bf8d6d74ca9f4c39c3c875deadc0f9dc5052e714ebe",
  "src/network/socketFactory.js": "1493fc580263350fdbe75fa633b6df70f39d4b11d0520b45243cb1df45168577",
  "src/protocol/configResourceTypes.js": "75bcbc012ea806ee25f71bdfcb3525593949737cb60a7e0c7a197d2ba35ec45e",
  "src/protocol/configSource.js": "7a40c4be389a42dc913b758921b962b9cd077b40079bdd314f96e53a9b385516",
  "src/protocol/coordinatorTypes.js": "b529e7e4f27eb706c54ef337a4f1cda6ed28309326d7ee8d52656b34036c0d1e",
  "src/protocol/crc32.js": "d7e9de84a6a4431b9a16f02234de950a7b83e3421346a17fe722c53dce32c136",
  "src/protocol/decoder.js": "83c43fac8d6b8ef2dcf0dfe8bc4494e84c2c94d2b59fbe41a670505a5fcba41b",
  "src/protocol/encoder.js": "9977889e184a9e910e4f6098c36ec6a0ca36c183aa6ead0f24191b6aa1c9a777",
  "src/protocol/error.js": "8911e3226a8aebddc2fffe2b2504379f966b804995dd911713c8c495c3673188",
  "src/protocol/isolationLevel.js": "58c50c30e89bdec5529c1ce3eba5bf4f937a408d61a5b1814f735bf74a240f48",
  "src/protocol/message/compression/gzip.js": "50f9800d15214211274c6255a11a2ca832c7dc9d0b7d828d95f7cda2b38e59f5",
  "src/protocol/message/compression/index.js": "666ec6400225fe90e42f6a59d7bbda2028f4150699dda04524689ccf1f0cb2c1",
  "src/protocol/message/decoder.js": "541a41017ee6a10eb39b3ed7c3165bbe22d084396a056bb2b2ea9864e94febba",
  "src/protocol/message/index.js": "5abba6e5f1c6658957a757929e609cfbfea6d34c8eb3fdd61a5b9c0761e0f8cc",
  "src/protocol/message/v0/decoder.js": "0ad6dcef94f8fdb7fcc6ce0230b9ba500f065db9fbac1662bd5d6092463e1c6b",
  "src/protocol/message/v0/index.js": "c4569af6698a75a2630f8de96fbbe39b850c0822002dccd52fe9e46c7eaae805",
  "src/protocol/message/v1/decoder.js": "4c328ca30e374677b3a069608dcc04e6c91a75a5514fdcbe1d7bf40c99f90240",
  "src/protocol/message/v1/index.js": "6ab29ff68911cafa1b188daf7a3022313b8637c7b6ba0d33ad2bad37233deb44",
  "src/protocol/messageSet/decoder.js": "791fc7649fc2a61a24c1fce7c9b1ded3e4e22a1ec41d6e5d75952f956ad6ab03",
  "src/protocol/messageSet/index.js": "ffd012e693bbc8e8b660b4920ae4a0d0661b04d2bcfcd0a69b270b2a587d1a22",
  "src/protocol/recordBatch/crc32C/crc32C.js": "1c09c7a44e7a207f2dabb920e6bf9f6b1b3fd9cc023e959a9e91ba83e5b6f61a",
  "src/protocol/recordBatch/crc32C/index.js": "0826ea7387f25400b1a24bacdbba85db9c1f2e932f168874728a9ecaf1eb2379",
  "src/protocol/recordBatch/header/v0/decoder.js": "050b16c7a8541207dbd34e847b337c1dd1d9587ebd3324126fcafa528eb6a4c6",
  "src/protocol/recordBatch/header/v0/index.js": "5517d33a48fa33f5fb3253b3d171c6aa0fda89d9b37d45d985c1c9bf457d45d5",
  "src/protocol/recordBatch/record/v0/decoder.js": "86d740054c8be29b02873bf2871eb43ba5004af94324610541dbab2d9fabcc65",
  "src/protocol/recordBatch/record/v0/index.js": "ffbc628c1f35f5de8ba798165616b1009d9af1c27ca959999a10e6e3c18f8215",
  "src/protocol/recordBatch/v0/decoder.js": "38cae7fc865f9bc51941353e1f6e9419227a8799ba4efb437199393a4eb94819",
  "src/protocol/recordBatch/v0/index.js": "6d6b63a8959ff0b9ea1198b2d4ec0af940a4c92d5c793bb592310ab46f99df30",
  "src/protocol/request.js": "2270900ca6474026c11957fe71ac586881985460ed2554db22ad8870dcaff634",
  "src/protocol/requests/addOffsetsToTxn/index.js": "609b04a255dea57b79bf8d38554c4fb08c44d04cbf3f1d56ba5470f0552bfd7b",
  "src/protocol/requests/addOffsetsToTxn/v0/request.js":
    "d5eeb947dcdcef63bb88cffa1e51311cbe74dc3ee0703e37f05b62863cb163c1",
  "src/protocol/requests/addOffsetsToTxn/v0/response.js":
    "ae4340e8fea89c0285f3a25a3b5fc6ff6121a07afcd5a2ed26412161d1c41b0a",
  "src/protocol/requests/addOffsetsToTxn/v1/request.js":
    "c46368e6d6242aa0c9665907ea58ed479c2434e3c087568312f932221627945a",
  "src/protocol/requests/addOffsetsToTxn/v1/response.js":
    "8756a0db169f240976d804a2f8193dc3634b320b971a3232e6be06443d3bdf7a",
  "src/protocol/requests/addPartitionsToTxn/index.js":
    "c8ba0c49e488b4a88d0e28da90a4b3aa465459f9b4f26cf6708f875363d3b910",
  "src/protocol/requests/addPartitionsToTxn/v0/request.js":
    "b6c018221a75ec280638640a1382da69b0e29b29146af7bba9a4c67eab2be4ee",
  "src/protocol/requests/addPartitionsToTxn/v0/response.js":
    "3603ff590179de015513b5ca99186a376b5501df4fb5e5e08edbaeb342ae2883",
  "src/protocol/requests/addPartitionsToTxn/v1/request.js":
    "6ee5d04a10fa8b4b38d898ef86b7dbcb33c61d55f12d50394ab30e6b33f151d6",
  "src/protocol/requests/addPartitionsToTxn/v1/response.js":
    "dedf82dca83fe7827678f96204f5b8159698e7cbd5afdc26e157feef5c6e1a36",
  "src/protocol/requests/alterConfigs/index.js": "4c1a3f19fdc3c1c62e63bb441f309c25ce498eb13e60153295dd526099d9fdcd",
  "src/protocol/requests/alterConfigs/v0/request.js":
    "09b1becaf942f592f3f75b300fd5c6c72c95f7e59ccf18fcaa7738aedc0e75bf",
  "src/protocol/requests/alterConfigs/v0/response.js":
    "b50efc578bb0504ef558fdf737c8e1e65e3bf95df44b6aa12c470a91acdcaddf",
  "src/protocol/requests/alterConfigs/v1/request.js":
    "c7357c4a49b75c6958196da33b17a7d848b699a7c544e84a28898c47ee6c45e2",
  "src/protocol/requests/alterConfigs/v1/response.js":
    "668e22395b56823fd5b043587feb05b8c9e7d162f8b98932079ab4e3db435998",
  "src/protocol/requests/alterPartitionReassignments/index.js":
    "f921a59a79f5a69795d9b178421ef2aea9360128987db20f81cffd1c1dd542d1",
  "src/protocol/requests/alterPartitionReassignments/v0/request.js":
    "1e4e27fc1aa4ef7df540004570d348778f2e9fc743b158f83f47651f2a75ea24",
  "src/protocol/requests/alterPartitionReassignments/v0/response.js":
    "4aa1652a24535ceffcd0730c8a375ecdaee674231164db13e895be2cef9f61ec",
  "src/protocol/requests/apiKeys.js": "3b45eaab564cb47d512fde51dffa29aa6f01d8b2124c43319d223a0d583524f6",
  "src/protocol/requests/apiVersions/index.js": "08743d5dd6fc02f7d3d7893124d21cf78ac9977fe1e95e4e91658a106226cd38",
  "src/protocol/requests/apiVersions/v0/request.js": "54ebb0956a4acf7e1882097573f0025f3677e5f64cad754a4fbc329ce092cd4c",
  "src/protocol/requests/apiVersions/v0/response.js":
    "011a6d46d4767eb963c4e748c572f3e7f28557ced8cbd9cc1538bf94281dd7af",
  "src/protocol/requests/apiVersions/v1/request.js": "e9017842f10f467d02b7db68595108f015c02b70240f350c2c80824f5774281f",
  "src/protocol/requests/apiVersions/v1/response.js":
    "a85cc29dfcc88e0fc9c37e6258eae95bb882b4a2f9e82680c840cba9a02cc832",
  "src/protocol/requests/apiVersions/v2/request.js": "8cb380fc04c7276514803c9ccf340af76479e8ecef56c00fbf4a6861ecc03c5c",
  "src/protocol/requests/apiVersions/v2/response.js":
    "5117b2ac07726b5e5e65a8b16d723dbd61104f8ba3f3a23cf0a444248e3cc1d2",
  "src/protocol/requests/createAcls/index.js": "76a5e81cc56a4ddc6560a68b7aa0ee6847043df6c100e84520df8ac7ade3314f",
  "src/protocol/requests/createAcls/v0/request.js": "c90f1a748369657b1c6976935f55a05e6ba8890d0353644a3c9b7b4070aa6841",
  "src/protocol/requests/createAcls/v0/response.js": "044985db3b846f6ee8138bd625c9b17db113852399c1e1ebecc3d108b70a098d",
  "src/protocol/requests/createAcls/v1/request.js": "b9600abec8c0f03f12030c66155a1e0cb78946e3eed0003a7328a1453026f9ca",
  "src/protocol/requests/createAcls/v1/response.js": "dfaf99526786c75eb618c4f066aa713478b8c648b1f06c66a723c85731278090",
  "src/protocol/requests/createPartitions/index.js": "037b496870b613325f8695863f636b7b52550a1b7a6978939c3d272c72271c39",
  "src/protocol/requests/createPartitions/v0/request.js":
    "5116662ad5a7c53838539caa62b853c2f8cc2b1db14c313c0240646e22101977",
  "src/protocol/requests/createPartitions/v0/response.js":
    "8bdfe729c41f7a7b65275cbd2e56f56dc536fe73edc17c1372ec9d01a2f37e7e",
  "src/protocol/requests/createPartitions/v1/request.js":
    "2a74d8eaa6348b8fd1bdc6dc9192aee78bbb6eb8b475774851fa6e41bac19526",
  "src/protocol/requests/createPartitions/v1/response.js":
    "8a4886702fb889ff5c2cca9624e1a82d91231d059a6ee57b5240957671c03fc0",
  "src/protocol/requests/createTopics/index.js": "6d6493d00851e37c0a9a21d1d283f0040a2730f81fe4272e19d2871bad5ff029",
  "src/protocol/requests/createTopics/v0/request.js":
    "b82ab46b8e04d008434bb587690e96c9206a371668bf798bdf94f51d2456e812",
  "src/protocol/requests/createTopics/v0/response.js":
    "feed51695caae091c6c41098b9df6d7cfbf544094abfb0d23c506f221e8e3b4e",
  "src/protocol/requests/createTopics/v1/request.js":
    "f9f7c25472343433ff07dc9cc3df32744a226aee21c54389dabc550baf7380ab",
  "src/protocol/requests/createTopics/v1/response.js":
    "f411110a4a2d9cea1f9bb96ec597b35e8562592956f2261745c9b68307573a15",
  "src/protocol/requests/createTopics/v2/request.js":
    "effef54e3e1e802d445bfe022605e58387c84417a68b868e6197c26bd839f209",
  "src/protocol/requests/createTopics/v2/response.js":
    "6376ed71b1c2e3f3af84ff3f1a17f48651b32e6b5848ac082a70d8fb57ccc82f",
  "src/protocol/requests/createTopics/v3/request.js":
    "8975a20cfd94ecfdee639c84938cdd02d74e320a21e857515b6bc76f408d650d",
  "src/protocol/requests/createTopics/v3/response.js":
    "230a83d3c0add7b5d187cd7ef041fcfab757eb75fed3bfe572b77d5a8f2b99e3",
  "src/protocol/requests/deleteAcls/index.js": "40fe24c335019bac18f9a7e0b92f9a6be5faa41b9fae1d2bc78d33491a0a58e3",
  "src/protocol/requests/deleteAcls/v0/request.js": "d93e8fe60aed028ceac1068d4472eb468160abf9ea1787500bb7f339b95f69c2",
  "src/protocol/requests/deleteAcls/v0/response.js": "656879c45852b4952b1bd799194ff37f0c77d8669ea34e810ac1734cca40e0e7",
  "src/protocol/requests/deleteAcls/v1/request.js": "8cf6f0bcc2d8076def56d692651d00824557802ac75a1b6bd24269007e49eea9",
  "src/protocol/requests/deleteAcls/v1/response.js": "bf3d1c3cb06fdd50b6ac02c2c40044c244f5efd939e913240347729381852627",
  "src/protocol/requests/deleteGroups/index.js": "5ca4b2d432d868afa88da05a7ec930b1f046e89d694911d1ad1305d85ef2c938",
  "src/protocol/requests/deleteGroups/v0/request.js":
    "d8b8f9735eb6341e5843381846c0a3c366c9449e3ea4f5abfcc2972692c96193",
  "src/protocol/requests/deleteGroups/v0/response.js":
    "e8920d3ffee2afbdb443fb47365296ab292607b62f679df61a308d8e6ce6c3fd",
  "src/protocol/requests/deleteGroups/v1/request.js":
    "35cb776d0a52af67d6b030f0a30f7d16e58ec8ef086430ec95631eb4cd2d5a0a",
  "src/protocol/requests/deleteGroups/v1/response.js":
    "046539a9567abc4343d5ac669b47566490ce32a746691acc50033681006c08b6",
  "src/protocol/requests/deleteRecords/index.js": "3ab0f5b868e372f81282612b966b071717ff966b6a447a63786b22a22c2768da",
  "src/protocol/requests/deleteRecords/v0/request.js":
    "d52cdea65d9e1cdb4967820d49b08b7797c627cedc9dbe354b5b6854374ce99c",
  "src/protocol/requests/deleteRecords/v0/response.js":
    "0daab93dd4924a8db3013e934b1f09675423a539bb6a2c5277e66715fdbfb616",
  "src/protocol/requests/deleteRecords/v1/request.js":
    "e4c38a12b2ed2a81d8a576926f5dd56e3575e167f330122ea130239ad17b4b94",
  "src/protocol/requests/deleteRecords/v1/response.js":
    "1134a5d66ea06cf6beb3082a1824bf99ceac5409a05980e4a0b2bfc95feb7c58",
  "src/protocol/requests/deleteTopics/index.js": "f671aab692b6921a1113e740704f8b8c8d1fd5c8caf0ead2f14b780d75e65dfb",
  "src/protocol/requests/deleteTopics/v0/request.js":
    "04fed1b8d669bfff9ef79759a7c5f88735de5eed12f898cebe3380e1da0476c8",
  "src/protocol/requests/deleteTopics/v0/response.js":
    "b25d68450cc1ac057750e6e603636dfbbc3724d295c304372dca834aea4aa898",
  "src/protocol/requests/deleteTopics/v1/request.js":
    "9284e1a3a285b0c15cd2e3d10ea42000acb8a2389a2de843af5117bf67cbefe8",
  "src/protocol/requests/deleteTopics/v1/response.js":
    "4691f754fdac32abcfa2d8066e9c88b0750eef4b96a57b1603614a7f29b76f72",
  "src/protocol/requests/describeAcls/index.js": "ebc9f1e6f889addabdc24cacb679937b60bc5a13e01620c46f93a0aaadfe1dc6",
  "src/protocol/requests/describeAcls/v0/request.js":
    "b3301c9234632d1fe1e0da4ae0b8d71c260dbae061ccec20280224dac38487a8",
  "src/protocol/requests/describeAcls/v0/response.js":
    "5b8caf8de38e7ebc694836a0cdb138f2cda26acf95e19b1661385003cb1908bc",
  "src/protocol/requests/describeAcls/v1/request.js":
    "44e70cd914b842d5ff3f49be23e1ed2566af8184d9729ac819cdd1f394a2353d",
  "src/protocol/requests/describeAcls/v1/response.js":
    "e30010f9c7bad1157122670d60e67b923e9a43f77281c256b24690091bcef3a3",
  "src/protocol/requests/describeConfigs/index.js": "a237ae74d70caa8066b2dbeff3aa58c99cd7d8ccca0ae96b62194b819f97c165",
  "src/protocol/requests/describeConfigs/v0/request.js":
    "764a1c1fb83f14447866afadf2b6721d5922ab295746bc58d3bda099905a4f09",
  "src/protocol/requests/describeConfigs/v0/response.js":
    "9126cdf63e441ce354e5e0437efcb310946a3be04e7b2d835319c0e42fac9cae",
  "src/protocol/requests/describeConfigs/v1/request.js":
    "854da54b8c8c582aa25cddd40e7b1fcf8a099f8f26c19ec1511196466cf872d3",
  "src/protocol/requests/describeConfigs/v1/response.js":
    "370fab4bc1c0e5dcdb4015515db1856d6952a2532999def67a81cd8f53a0c7dc",
  "src/protocol/requests/describeConfigs/v2/request.js":
    "0dc35e3753f0083934b2be790b97a6ac08337927023bf345608983761726a095",
  "src/protocol/requests/describeConfigs/v2/response.js":
    "e6e5053cc81e73deebffabf536ff3a565e342672b289c7d00c41a693fbbe2be8",
  "src/protocol/requests/describeGroups/index.js": "88830e03d2cb7357ca77673b69a638326ad4428fa94cbc802ab3dfc8cde9bb8f",
  "src/protocol/requests/describeGroups/v0/request.js":
    "f518829d2e3225bc4e5d43d38fdcabe14d82b5375290150344387e9a70712cfc",
  "src/protocol/requests/describeGroups/v0/response.js":
    "7a9ca81c0fcff13579f8266d7d64c85e1127924a746540dae20fc9309fe9d3e5",
  "src/protocol/requests/describeGroups/v1/request.js":
    "0569f51736ffcd29b7e7e4a2c106054b2570d3781f3a1158cd7c5d5fe473240f",
  "src/protocol/requests/describeGroups/v1/response.js":
    "2e6d78e6e20c75da41fef65951dc31f8ec9498cb1ed91e4773ab960d4ed12d3d",
  "src/protocol/requests/describeGroups/v2/request.js":
    "a2ba092f5aa110e8c51eceeb7ffe3bbbaa6f96bc0a940bb25498c7c4ee7de084",
  "src/protocol/requests/describeGroups/v2/response.js":
    "03b89494bb0e037030849ff0524094bc8c40e1fbe09b8c45ade7e36c94c0100c",
  "src/protocol/requests/endTxn/index.js": "dae14e9eeae2141efdfa3db57f4292a1bdd4add63b1cab0977d1008c66a5ee9b",
  "src/protocol/requests/endTxn/v0/request.js": "e9b540cff78a9f5a827d47b0920b10e6c136231c3c98231eafbaad0d93386f58",
  "src/protocol/requests/endTxn/v0/response.js": "771cafdf82db6a6054c69914200e3156343f35e062eab7ca9fcf5294eb91abd4",
  "src/protocol/requests/endTxn/v1/request.js": "745d4ce689db8be5a93ce14460a54cc78dc953529cd8678a59b3bae00fd0988c",
  "src/protocol/requests/endTxn/v1/response.js": "741223cf4144f899d933b73766f3eeec7de2e7187c5f52b4f644e4488de09425",
  "src/protocol/requests/fetch/index.js": "b0961e16fca52023266570255c23e30cd770b3813bb5d75f879fe6b1609ea7c5",
  "src/protocol/requests/fetch/v0/request.js": "ea5862e1ad2793a32818a12f085ee755285c33407b93e39687b12f6a979a8086",
  "src/protocol/requests/fetch/v0/response.js": "d2113e87d8609a79c630e617785ee9205a49d6f4cd8a5d04306ff625a457d1c6",
  "src/protocol/requests/fetch/v1/request.js": "c79c2ecbf57df67d9142ad9c103980c0b6bb763a06b65c5e7b31e027dc14becd",
  "src/protocol/requests/fetch/v1/response.js": "176e26ce9f0f6447df4f83ef325a48e240319a3c00ccb35037125c68dac70557",
  "src/protocol/requests/fetch/v10/request.js": "bda68d5d01581d8e5d6474fae82fefaaf87403fb639badf77c781174b0ff18b0",
  "src/protocol/requests/fetch/v10/response.js": "6664b89aed6272189835ba19e0be6f4017e951574ab7333afb45fe2df1659939",
  "src/protocol/requests/fetch/v11/request.js": "e652bb05ffab315d19dd3e75ac878d49af47182b7600f419a8d5b4633976a5cd",
  "src/protocol/requests/fetch/v11/response.js": "9cb972647500104e7d616edcb4856119f4a716664b64bbb1ee96c8f4f0a83eb6",
  "src/protocol/requests/fetch/v2/request.js": "e5cbf9b44603188308011d3136bf305667127a3e0dcc0e4c66de9d885e7cdc04",
  "src/protocol/requests/fetch/v2/response.js": "fc4aeab4c81f6d4a849b365236a125506a0d16763a4d89cfa61aff9ff7a2d0f3",
  "src/protocol/requests/fetch/v3/request.js": "5403a3e75fde1cde751339e890a85e6769a9a1656f178696df724b0dd70d7010",
  "src/protocol/requests/fetch/v3/response.js": "1991b9509ede29c9214062d4a418612920dd45ff5d480d712f03b6641191a537",
  "src/protocol/requests/fetch/v4/decodeMessages.js":
    "d9fede59bebf84ee15169d0ecc54df594a11722b6ba8d5db535ed1d8548d4fcc",
  "src/protocol/requests/fetch/v4/request.js": "34e01d8a9a53b34d773b1c1e365d74cfb644d0f3ddddfe524ac35e93ba4a5193",
  "src/protocol/requests/fetch/v4/response.js": "e854933fa63e3b4bcf99d02e8af5f068f7ddb2cf96020a71ea7315b7a79b6e5d",
  "src/protocol/requests/fetch/v5/request.js": "2f81ee1567300e85e258faaa10d7746512699180e01ecf32ea6102149f2df25b",
  "src/protocol/requests/fetch/v5/response.js": "1e58c4d4cbbaf6c6cf5cfc80bfb02b7fa28476419179ea239684b86b0b5e9da7",
  "src/protocol/requests/fetch/v6/request.js": "fc2277f599556e19bb6b261e9a29536c102ccd5577ef19904be20ec3ab84e772",
  "src/protocol/requests/fetch/v6/response.js": "bb6d38ea1dd5d6f7e4ef0c5be2a450f5e64c0d315cd41c1fc0b1e12e027a1b8f",
  "src/protocol/requests/fetch/v7/request.js": "8100e605a5ae1727a4998c740b0cf682df21920678d63ba8ed4c674df8471434",
  "src/protocol/requests/fetch/v7/response.js": "4ae978ae62b17c7d71d35839410dc94976cf678e99425e7b6f307d9edd8ee261",
  "src/protocol/requests/fetch/v8/request.js": "ce128d53074c2ce4c44e330829e4d7f3f99b3df962c40e04ed1a3e83e9bec4be",
  "src/protocol/requests/fetch/v8/response.js": "e7324cd257fe00868e3b52a004038f9bdc5ca47c93ddecff5b92d8d6f3a3c55d",
  "src/protocol/requests/fetch/v9/request.js": "b148e780cac635947e3c3106e93352e300c47819b08287e33c929d17f8c6f7fb",
  "src/protocol/requests/fetch/v9/response.js": "39b02fa944883861a9c35a45498c24786c8c8385aee7f5c6ebb08f513ee0d7f8",
  "src/protocol/requests/findCoordinator/index.js": "bb8b89c2f61567263cdfeda9afed328a049f5b59ac61ac151f42c7d2470a441f",
  "src/protocol/requests/findCoordinator/v0/request.js":
    "ccc22ac61ec61fb94a536eef2de8480a350766a1a88b88b730d6c94123f7b122",
  "src/protocol/requests/findCoordinator/v0/response.js":
    "371cefc26b22afc4837c88413518e2c6481e2d76d8dc4e84334574ac4a37be13",
  "src/protocol/requests/findCoordinator/v1/request.js":
    "e37f66d04b1c48dbeb8e76eca9731ec59dc69b0c4042ca6fd1380281d073905a",
  "src/protocol/requests/findCoordinator/v1/response.js":
    "b2cdd529b4c6e1e3b2e188585ebc84b0136494595e626bcd5a12b4ec61dfb348",
  "src/protocol/requests/findCoordinator/v2/request.js":
    "084e07269e599ad9d529f22b27e226f11c38b90a8494218ce22911e43d4ae76a",
  "src/protocol/requests/findCoordinator/v2/response.js":
    "a9fb30f949c2145a66dfd5ec100aef5eb2bb8832424058c51bec75683737cdc7",
  "src/protocol/requests/heartbeat/index.js": "89e6da6d6f7a646286a77385395ac5904bf04acca772ecd40c0985c185dcdabc",
  "src/protocol/requests/heartbeat/v0/request.js": "4ab12172811b3fcce1a1fa750717f9bf84130ad5bf84cdb9ea4b4289a7b226e3",
  "src/protocol/requests/heartbeat/v0/response.js": "c3318f1a3705ca0f28464249c077b5122fbbc0f2400aff9100eb80bb6ee48e6a",
  "src/protocol/requests/heartbeat/v1/request.js": "333ac39dc56ce97b62d88d8be7f662b5b10ef67249ee1029dd173c59acafb48c",
  "src/protocol/requests/heartbeat/v1/response.js": "06ebc2fc6efdca3fca654f92097efbe35e84e24ac378eb01f803b2035559b694",
  "src/protocol/requests/heartbeat/v2/request.js": "d80d3ce51c610c6fecea5f8159d705a80ee76dcd5d012e46b943699a2da43f7e",
  "src/protocol/requests/heartbeat/v2/response.js": "e80423afe8ead9fbe8cd5ced7810ea79cf114bfa63f0eaea7a9ab16ac3e22b28",
  "src/protocol/requests/heartbeat/v3/request.js": "b6135c590f0b9a18907afa77033db67f54800eabe738363f077c109c219f492a",
  "src/protocol/requests/heartbeat/v3/response.js": "7af2aebce4967b261d15041dd7bbe65dfcc32b452aecdf19ee341915e8973ea5",
  "src/protocol/requests/index.js": "fd26a30565d7f0c14883140b7f4edadc42f34278a5f40084009b940c858ea2fd",
  "src/protocol/requests/initProducerId/index.js": "cf89fc83177222ab9cbccb4212a358b35b152ee99f8c70a4020e062dfcd1e5f8",
  "src/protocol/requests/initProducerId/v0/request.js":
    "b70b6f976cbfb4b4746f5f1b04a20b5cec6098a9b1e2822ba718cca2b1196a33",
  "src/protocol/requests/initProducerId/v0/response.js":
    "b5b1d1109c15d724f96e3a80838199a3daa66f078599b8c616059d1ff449cdb4",
  "src/protocol/requests/initProducerId/v1/request.js":
    "2b5ad070923c1d2bb604fd87fcb85f426d87187cf78a73532398b968d5131e79",
  "src/protocol/requests/initProducerId/v1/response.js":
    "350e19a7a976568f1c20418d6eb6d9451ffd82aa4f54ba9cfbc609a408a3824a",
  "src/protocol/requests/joinGroup/index.js": "4cb4c7839dba08fd9b7cb141df694debef2c170034763a69054a953f08ccfe7d",
  "src/protocol/requests/joinGroup/v0/request.js": "1e74eb3945c3300ca8d7f20ccea5988efb69153407c808f470abfa6bb480f5b7",
  "src/protocol/requests/joinGroup/v0/response.js": "2e51bf6529ee4fba162c1d9f212c262651fdcba7d9d5dfa950fba74e249bde25",
  "src/protocol/requests/joinGroup/v1/request.js": "2852399a5c5fe82898043c4b74a09e642d700e04ab0773212ca931c800e13426",
  "src/protocol/requests/joinGroup/v1/response.js": "b1c0ee3d0482b20ce42853aedf19c79e8c2a00e35a543b38a6cc1c4ff7f6d5e8",
  "src/protocol/requests/joinGroup/v2/request.js": "4c276d85df554e430ec24e204e8a2d5e284b2d176f8356eb3c6f47b16b37584c",
  "src/protocol/requests/joinGroup/v2/response.js": "dfa53fc7d982a1e182563b71c0795e30f0350925c7b906dc13ba59339d8a495e",
  "src/protocol/requests/joinGroup/v3/request.js": "d58237484ac1b189e64766c6d79905d1277f2b4593607a5a76d558ee12fab219",
  "src/protocol/requests/joinGroup/v3/response.js": "37e5a82b1626e61c66210f10419c676fc3ba0630b5a85ff081870412834fd50c",
  "src/protocol/requests/joinGroup/v4/request.js": "aaf5a4fe815de5de0cc1f5fd2cbb4ef3bc0de41aced97a309396a350e0641b47",
  "src/protocol/requests/joinGroup/v4/response.js": "9bd0ed370a5c22e61a2afa5b638e58c2eeef42ffe33deb32b5e3e4bd75204bc5",
  "src/protocol/requests/joinGroup/v5/request.js": "de1abd9dd5aa1a25d7d0ce77fd8f4e1c22fa0eb3ca45ca2fc295e99ff11f5e4d",
  "src/protocol/requests/joinGroup/v5/response.js": "18fcd720b546c6ab4649cef49389a92de5f467bea7b80deb4b7701a7b0c1fb3e",
  "src/protocol/requests/leaveGroup/index.js": "4776435b9707619e98e1695ad9abb0efa7ce5ffa7860a5cadab393ba910ce52d",
  "src/protocol/requests/leaveGroup/v0/request.js": "04fd2d298b2fe8d6b9e159ee9aae986ad6fc61d181bbd96e4bc644569decd5d8",
  "src/protocol/requests/leaveGroup/v0/response.js": "60696e46993ba027ff373d8f6b7418219b64808b3e7d2344e14949892cdc4c61",
  "src/protocol/requests/leaveGroup/v1/request.js": "d94379f225db3aa00102f9f9bec8edeb8216784b11154cfdc9f60d48c77195fb",
  "src/protocol/requests/leaveGroup/v1/response.js": "3bba10b2051ee959aeda5ad35ea13d0118261ddd957c0a898f96756c8561cfa1",
  "src/protocol/requests/leaveGroup/v2/request.js": "a5d9420099b25e06eef391bc2eec1fc7d550f76e01e5dfcdd3d6f7f3f8eff6f7",
  "src/protocol/requests/leaveGroup/v2/response.js": "2d6968220aa5618c145316f5d64ec0d26f9332922d777df5e9e0aacdd33e8184",
  "src/protocol/requests/leaveGroup/v3/request.js": "da922efba4952ab38cd4cff8b136b5676861ce980016561f5970b41fb07d3510",
  "src/protocol/requests/leaveGroup/v3/response.js": "202c91407314f4174f37299cda8076037a38f3038caca23de7b59de5bc50fab9",
  "src/protocol/requests/listGroups/index.js": "6c41f15b880dbad561fde9911d1454127c325b413764cd97f36d7041d22913d1",
  "src/protocol/requests/listGroups/v0/request.js": "5ad2694c2069e3b9b80bb3a5e5e0851dd0cda2ad7b417ab33f2379d0ba8760c4",
  "src/protocol/requests/listGroups/v0/response.js": "cadcef9445940be299270e3c23a40d8cf500d2648631ad69a664315b394cdc53",
  "src/protocol/requests/listGroups/v1/request.js": "ee4c7d0ee8d1bdcb9f60706687fe65eeae32d6999e5d766018b2e8bb9acedf38",
  "src/protocol/requests/listGroups/v1/response.js": "f07107c829438bd58063456f11f4ea9ce565d7d7a8a55e59164f3301759eaa48",
  "src/protocol/requests/listGroups/v2/request.js": "e627fbd0857a06cd98e8f14b7d91bc7807b606d5f2ebe5c039c72336457d4023",
  "src/protocol/requests/listGroups/v2/response.js": "7f8b41cfcb9df15ebca1d3aa1fea23ae44577b438a22c84c9c84a85e5e9c1bc1",
  "src/protocol/requests/listOffsets/index.js": "0bdf5e38536fb1edbe50c1ee393f07722bf8457ef1c456b1f76f1c31208f4bcf",
  "src/protocol/requests/listOffsets/v0/request.js": "59cb18257ec84a5e46fe0f3cb7cdfc0b2df2fddc800008d4f09e45603ee8314c",
  "src/protocol/requests/listOffsets/v0/response.js":
    "d66c272785a55b85f695bb7660a3ffdbf5c476088329cb2e63fea4f2d3d50ea6",
  "src/protocol/requests/listOffsets/v1/request.js": "614837e971798d568f1fbf676b93660ec659a3176112a3dc2c394e7a2e2b1ed2",
  "src/protocol/requests/listOffsets/v1/response.js":
    "a2d729bd99964c49b237c13881d5f62f6a8c9a56f32dac15dca389288bfd2b73",
  "src/protocol/requests/listOffsets/v2/request.js": "6fb3b04f2495bc32c29a3e085844291c8c6ac5f810e8c1b9c6446fcef7fc6e28",
  "src/protocol/requests/listOffsets/v2/response.js":
    "43180e96d147f4b4c960c072ac24679499b5907d89e28fc86268d76408dcfe6b",
  "src/protocol/requests/listOffsets/v3/request.js": "f24e465291a02b3bb6a13d14e1d5f7444c52c243506b7cc76d303c39d99833ef",
  "src/protocol/requests/listOffsets/v3/response.js":
    "754ca5e16ab5787925bd6010d41f08c3926252f1c714d2f891c55970e794145d",
  "src/protocol/requests/listPartitionReassignments/index.js":
    "f921a59a79f5a69795d9b178421ef2aea9360128987db20f81cffd1c1dd542d1",
  "src/protocol/requests/listPartitionReassignments/v0/request.js":
    "b7624a84885cd53a2bf5327570d9b8c07f2ecd507b336b2ddcbc13e1740afc4f",
  "src/protocol/requests/listPartitionReassignments/v0/response.js":
    "1b27e8fa6beea442727aeec994da2f90955e4b4ddb0edd5d24850c69ec599876",
  "src/protocol/requests/metadata/index.js": "9db984ef0bbcd73a8008b18b394624b473ba19e1dbda91039fc7dafb82174672",
  "src/protocol/requests/metadata/v0/request.js": "164d72ddf986b0c6e2a4f113d93dc6db6ef5716ec6ca30f209dceb7a62c4f4db",
  "src/protocol/requests/metadata/v0/response.js": "9a1cbcfd0ac174b24f9b557df6f35cdc3b8f408ff10a95cddd6b5837296d2a8e",
  "src/protocol/requests/metadata/v1/request.js": "c843a5604a51c435fd34d8e6b5803adb23e1bde3f93475670cfeca89fd1b4c07",
  "src/protocol/requests/metadata/v1/response.js": "7e5aa55f35896f4e38cd6a02f56b2735732392cf789c6ec4849412ba6bf2241d",
  "src/protocol/requests/metadata/v2/request.js": "b1d5f686394bc8d5a8ab577733db384f18e06b282c80254e8aadff192f8c63f4",
  "src/protocol/requests/metadata/v2/response.js": "b2f601140343408586861aee62d5f77f5c4fcf21dfa139934bec4709403d34da",
  "src/protocol/requests/metadata/v3/request.js": "5ea7deacbe65e922b606190fe9ca64fa6d0a7879474fd48539554eb7577be660",
  "src/protocol/requests/metadata/v3/response.js": "3888a3334faf969c83c39b9fba3455a5c26c81897037cf29ada822364a97aa41",
  "src/protocol/requests/metadata/v4/request.js": "af3aca9a38934b28a74f509e91347fd209fda235259f38619afbd46ccfc4cf4e",
  "src/protocol/requests/metadata/v4/response.js": "151f05249dd4aa177ff8dfad45787feaa8fdf1f380575cc3c2d2419306182629",
  "src/protocol/requests/metadata/v5/request.js": "35cf69da76e49b73a3ef4f95f17822a145436869bab6c0a9befe3919d06c231f",
  "src/protocol/requests/metadata/v5/response.js": "f1fe45dc4dfb4240e124005d3ffa305ae497c9dc28ac7d4883e02717012dfa92",
  "src/protocol/requests/metadata/v6/request.js": "5754da27596913349902b8984021f523029c6cb9b2d4eede8ccb9ecebdda28c9",
  "src/protocol/requests/metadata/v6/response.js": "08626a1a2f73fbb48b101eee83a32b2de13fb4cba620b9674d606a9826645262",
  "src/protocol/requests/offsetCommit/index.js": "25a68fee73244c7d6eb97f8baaa82d79fdf189f87cd9d727f9fd4497521e0bac",
  "src/protocol/requests/offsetCommit/v0/request.js":
    "50fb531d71d1c3f2553d0e477146f34553b83ed9c38d72f2608f6d0fbbfcb815",
  "src/protocol/requests/offsetCommit/v0/response.js":
    "59b789d6fc2e332275921474812b0b3ae93af6d77fb867c8fa93a9731401e254",
  "src/protocol/requests/offsetCommit/v1/request.js":
    "b11547825a06c76554c345195b09634f038b65e6d63275cc8657840c1caf7ff7",
  "src/protocol/requests/offsetCommit/v1/response.js":
    "4a60ca133af0e2ac4830cbbd70cdd66f02cc2ca9195cfec9b4daf14a97242ce8",
  "src/protocol/requests/offsetCommit/v2/request.js":
    "f545839b25a971459d29635de4c4471abfbf63075f1c5d6387178d86a15e56ab",
  "src/protocol/requests/offsetCommit/v2/response.js":
    "4a60ca133af0e2ac4830cbbd70cdd66f02cc2ca9195cfec9b4daf14a97242ce8",
  "src/protocol/requests/offsetCommit/v3/request.js":
    "fb887453d5bef0a7df3d3a995723fd79677f282dea4af0616e6ac2c885835d3c",
  "src/protocol/requests/offsetCommit/v3/response.js":
    "fdfde3aaf1c4bee228c6e41a17e2f66891a61e191b3cada423e07efaba8c30c4",
  "src/protocol/requests/offsetCommit/v4/request.js":
    "5d2f78d0b7d87484eb6e32f482095adb6264ec46ee27d87bfc766e242884ab41",
  "src/protocol/requests/offsetCommit/v4/response.js":
    "90e4225e68bc56ea5f75be1386f339578b0910c2be3521fe2854f5ce5f009246",
  "src/protocol/requests/offsetCommit/v5/request.js":
    "6ce07df24bee535379f0a23e1ecb1976fd739ef206dd7619cb76999dc75bc5af",
  "src/protocol/requests/offsetCommit/v5/response.js":
    "0e4f8f3598f034f1b055179c2417545c68daa1d970c4f9a51dcfcec2e7c43da1",
  "src/protocol/requests/offsetFetch/index.js": "518af17259c0ff4e7581e0384a478551dde847e25ed55f45b661d2cf50e8b5a4",
  "src/protocol/requests/offsetFetch/v1/request.js": "aecc9e68d5e8c2f7c8e3d517640d34ef60511be06978e81b4bdbfad4e006a50e",
  "src/protocol/requests/offsetFetch/v1/response.js":
    "34f7c11c1a78e0a32304e4db0c6127e724f9ba3759d32141788e3b6e4163e3dd",
  "src/protocol/requests/offsetFetch/v2/request.js": "5c33e4d9e2062f36993eeefd7f3e9c2f62f8915ae99d185a981880bf5bfae8af",
  "src/protocol/requests/offsetFetch/v2/response.js":
    "d3dd18414a6228d7d0dfba9ed75c57d0835157031238dab6e7a5160d27c921d2",
  "src/protocol/requests/offsetFetch/v3/request.js": "c489d372fb3ef6954cda295ae0222de386c7319ff8ca3f49beac0c75fefe1d89",
  "src/protocol/requests/offsetFetch/v3/response.js":
    "cde358ba5e314e6b014afd2f1bbfd2a6a19905df224dd04ae5b1195be79920ac",
  "src/protocol/requests/offsetFetch/v4/request.js": "52a4ec5118610b1fbdda050c4d667cfa37e5fd9675fe7fd272910169685869f9",
  "src/protocol/requests/offsetFetch/v4/response.js":
    "015308aef1c0d495cd4cda4e462e1cb6bfed3101dc2cae6026c2e9de7aa0a018",
  "src/protocol/requests/produce/index.js": "789abc7e1c33a99e956f74a34f11b8de6f70be7722580a0f0dd05f67d998f45b",
  "src/protocol/requests/produce/v0/request.js": "67f5c4176177f68f34c2bb858b5d4c11d10c29015d92f535e022dce9341d05ec",
  "src/protocol/requests/produce/v0/response.js": "9eb0750145a86da6ee4ef4483dd9c091fa356f7fcf0f9729d943af0283b5aba0",
  "src/protocol/requests/produce/v1/request.js": "81c201a98df440b2483e9a8937974c0d109dadfa4eb83fd4d89f26f2057aa188",
  "src/protocol/requests/produce/v1/response.js": "15b418da3f1e9b54a96818a53634bef579c264d5969a9131a0f60370c3ed9bda",
  "src/protocol/requests/produce/v2/request.js": "065b0a8c65e5449187833fb9beb51c8b07a4bb3d34e0ffcf84941d81ff88b183",
  "src/protocol/requests/produce/v2/response.js": "1adb2c2b353973016758732b05185c28d0f6d176ce227a9572d7715c02515fd9",
  "src/protocol/requests/produce/v3/request.js": "993a3db997827088f5acb08cacf3c67a99ec2886303ff465d244329b8a1c7f99",
  "src/protocol/requests/produce/v3/response.js": "2f36048c7ca33a695e0d62892fef7964a6c3d06a7f4cd2cd7fb68858b9825680",
  "src/protocol/requests/produce/v4/request.js": "0dc2643c0e3c51ad60ed645ab017234dde1f3e5676088fe0120f873f8e4c6eb0",
  "src/protocol/requests/produce/v4/response.js": "dfc03796274d5cfad5ed9053c74bde760175fbe13f3b4b9b97d95fc47c78b25b",
  "src/protocol/requests/produce/v5/request.js": "1d5dab00092a1dbd82c2ce90bc33026cedb0dcd7fe548153fca40d2c059ea203",
  "src/protocol/requests/produce/v5/response.js": "61e1ace7e88aeda987e4496a8a591d50a785ffd5ed5596990596b27d1abe8a4b",
  "src/protocol/requests/produce/v6/request.js": "d19ff7d6cdad42cb666028ea5df88b74f714ffdda20126ac3ea70368701728de",
  "src/protocol/requests/produce/v6/response.js": "bcb710bbfb733091ede05baa88da971b25801599133839aca92864f6ab3b64e5",
  "src/protocol/requests/produce/v7/request.js": "bc64c2f2d7feb31ae9c2f03b75a5ec5a290eb9084c703648803e5f15ec1a63eb",
  "src/protocol/requests/produce/v7/response.js": "0f806f21fcdbfaddfa71f51b44299f26be6f93d625bd2ce3194866921c57ea78",
  "src/protocol/requests/saslAuthenticate/index.js": "7676883aa2618962419b729c0a92525ff5652683874966876b6e12b088f13532",
  "src/protocol/requests/saslAuthenticate/v0/request.js":
    "3a5c9fd3789db8b1e5ddc7af28305498816d23f8ed65dad417b375b8048a8e64",
  "src/protocol/requests/saslAuthenticate/v0/response.js":
    "53a5b8631bbc530668c58aaf3d9da5edf599f2ec6d77d95af052347c8a980e3c",
  "src/protocol/requests/saslAuthenticate/v1/request.js":
    "91833dbfa8ebbadb86a16b33a4f74531fb3dc56d4061aa440482bfecf84eaa27",
  "src/protocol/requests/saslAuthenticate/v1/response.js":
    "c60315210289e2e6128166b3e843f37b3b8fedaa28179899ab10d1d1afc25fc8",
  "src/protocol/requests/saslHandshake/index.js": "82c7d1f0ef1709b5c2cf479b32cffd285f6641f32d8200bf75aee9b00f3efb55",
  "src/protocol/requests/saslHandshake/v0/request.js":
    "e3e533b319bd59f584e397799d2716d3fb718dce6d437b0784d361e122f8d804",
  "src/protocol/requests/saslHandshake/v0/response.js":
    "a8d3c6d2b96e8640fd8e7205755c8c1c18de0d2f37895d5e476cf9ea676f821c",
  "src/protocol/requests/saslHandshake/v1/request.js":
    "c32cd20645108027a874d582c4f2ea575677f6f6649454a16c7a37bba0136961",
  "src/protocol/requests/saslHandshake/v1/response.js":
    "785f1dce38dc9c7a21a83e3a9c8853b0abbce9a0cd08bc5114a6ad1de101b157",
  "src/protocol/requests/syncGroup/index.js": "af1092fccc5aee641a42a62024514c1cfe6f9c4c704b77552952170ec17938e4",
  "src/protocol/requests/syncGroup/v0/request.js": "593e0432903b7bcd1c0de47569db9124a4f910152f5f9dbc6fc5e5470b3f3d2a",
  "src/protocol/requests/syncGroup/v0/response.js": "f1c9e018f5aeb809b3352863a09d359d832c2b6985f44ba1eb392412952feedc",
  "src/protocol/requests/syncGroup/v1/request.js": "0af09b9747a7ed9b1a4ae516cf74d9d8852fa77a49545c693b37ef1c9cfed76d",
  "src/protocol/requests/syncGroup/v1/response.js": "02d71bd0673d14020b8316dc380a96a6d7235ced3fdd750bd832a11f589a3dc3",
  "src/protocol/requests/syncGroup/v2/request.js": "cff9e611b67f4d486aa08fa4dbd3d30a1ef1614a40386fa52e58a1ac49ec1eec",
  "src/protocol/requests/syncGroup/v2/response.js": "ce29f60def08f0e79bf9cb3d5a908439b952fc8611c177891550ab2f1c20aebf",
  "src/protocol/requests/syncGroup/v3/request.js": "89d389fde4e0276b85f8e269a18adfcf88e69132179bed2c690323049f5ebf63",
  "src/protocol/requests/syncGroup/v3/response.js": "94ae1476ce88a518c9619243ad29bb9f6ad0faef56f26b8e9d3555c1b0092308",
  "src/protocol/requests/txnOffsetCommit/index.js": "de987fd8224548533d44ff0779a3e71146932d27ab18979bc02592f347c85634",
  "src/protocol/requests/txnOffsetCommit/v0/request.js":
    "3e0f908373e44fad5e137aa5b4887c687b0aa8126f5c513ddf7ea26007ab82ee",
  "src/protocol/requests/txnOffsetCommit/v0/response.js":
    "3e72fc619fb1fc7a0ae2a77d1ec3e60a4d60bf2ccd0cf267732ddf1e744baa5b",
  "src/protocol/requests/txnOffsetCommit/v1/request.js":
    "eb8258609b1261e335d2eacf553fadad16f387ebbb3be30f9a57ecceda531a1d",
  "src/protocol/requests/txnOffsetCommit/v1/response.js":
    "a8d4aeb9380fac78d1d97c4249b9495fad0fff568909a40c13e59b2e413a7f87",
  "src/protocol/sasl/awsIam/index.js": "f0da1883979b214af8fcccf5d0a57c62452f1217825d07657371e1d99ae10361",
  "src/protocol/sasl/awsIam/request.js": "30bed6755c89117f64687077e07c0a2c19a758942d40b785e55f5ad1270bce65",
  "src/protocol/sasl/awsIam/response.js": "d3b06b2b8e5177152d4cd962a1526a85e39a760624e713f2191245143e482095",
  "src/protocol/sasl/oauthBearer/index.js": "f0da1883979b214af8fcccf5d0a57c62452f1217825d07657371e1d99ae10361",
  "src/protocol/sasl/oauthBearer/request.js": "3eccd54c953bf0269b8d6b79935dc1c7674fdc53655affd6060d7acac919a4dd",
  "src/protocol/sasl/oauthBearer/response.js": "d3b06b2b8e5177152d4cd962a1526a85e39a760624e713f2191245143e482095",
  "src/protocol/sasl/plain/index.js": "f0da1883979b214af8fcccf5d0a57c62452f1217825d07657371e1d99ae10361",
  "src/protocol/sasl/plain/request.js": "dd5df1a477ce253abf7cbca13c265bbd53ff2adcc67c3ecb0dad1b25ca154f17",
  "src/protocol/sasl/plain/response.js": "d3b06b2b8e5177152d4cd962a1526a85e39a760624e713f2191245143e482095",
  "src/protocol/sasl/scram/finalMessage/request.js": "683ee07dbe2844bd422bb84c001cb0d09ac750da31806ed235b1b21e6f2885e8",
  "src/protocol/sasl/scram/finalMessage/response.js":
    "f48fd3a49345691f336dd38ddd003ca0176228d560a6190de93988e5607187f3",
  "src/protocol/sasl/scram/firstMessage/request.js": "2191fc1eca7e8023ab55e1cac40177601dae2d275bd27967e3f4e4be769034e7",
  "src/protocol/sasl/scram/firstMessage/response.js":
    "47e8d9f404c69d7927971dcc01d3b8d2b4cfa14412cce854f9fff2a025843d4b",
  "src/protocol/sasl/scram/index.js": "f66440d6ae7312d3c6accec85f67dc2e51ad2a511903bfd83d785f0d5ff0a170",
  "src/protocol/timestampTypes.js": "378af03d76b5bdc25bd8796ebfe37a4a24b7ce443164601d2232a445858be96d",
  "src/utils/lock.js": "d843297318f54c80bfaaf1b2393c145cf367ea76ee190e46dd983145e35a9087",
  "src/utils/long.js": "c85b8ecea7cf07520328e3e9c3b205c4fab5b68a657e3a92c400b582a5c1aa2c",
  "src/utils/sharedPromiseTo.js": "064400319bdfecea95ad5f2e553e61df197179b906093299dc6511743944254a",
  "src/utils/shuffle.js": "dc15861f6c700863176d62d968f77632552b78a5affaea1de720e35d750cd83a",
  "src/utils/websiteUrl.js": "43407dd76e96fbe7471e0a1fc225c3c20ffd16a3d245b9b617f1ee854da42dcb",
};
