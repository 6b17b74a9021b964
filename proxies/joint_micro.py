"""Ranks both micro spaces on all data sets of the embedded table.

    nodes_norm(sine((positive_share(output * output_grad)**2) * ((-frobenius(weight)) + minimum(l1(weight), deep(sum(exp(matmul(input, input_grad))))))))

Made by: python -m autoprox.evolve
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{
 "digest": "82790dcd7ad616af297da3373e95bfdf",
 "format": "autoprox.proxy",
 "format_version": 1,
 "formula": "nodes_norm(sine((positive_share(output * output_grad)**2) * ((-frobenius(weight)) + minimum(l1(weight), deep(sum(exp(matmul(input, input_grad))))))))",
 "graph": "nodes_norm(sine(mul(square(positive_share(mul(output, output_grad))), add(neg(frobenius(weight)), minimum(l1(weight), deep(sum(exp(matmul(input, input_grad)))))))))",
 "graph_digest": "accd04b13c4dad88defe2dc6d1b463e5",
 "name": "joint_micro",
 "provenance": {
  "aggregate": "mean",
  "bank": {
   "digest": "7e5623e818e4568245fe4ee1635214f8",
   "leaves": 279
  },
  "batches": {
   "autoformer-micro/digits": "21d126d3c34805ee687a95487e7a1879",
   "autoformer-micro/mnist5k": "a0d8baee330f427dc621fdb9756a0499",
   "pit-micro/digits": "21d126d3c34805ee687a95487e7a1879",
   "pit-micro/mnist5k": "a0d8baee330f427dc621fdb9756a0499"
  },
  "ending": "budget",
  "evaluated": 20000,
  "init_seeds": 1,
  "rejected": {
   "constant": 1094,
   "duplicate": 50,
   "kinds": 1,
   "undefined": 186
  },
  "seed": 0,
  "settings": {
   "margin": 0.001,
   "parents": 64,
   "population": 128,
   "retries": 16,
   "sample_ratio": 0.25,
   "top_k": 8
  },
  "stop": {
   "budget": 20000,
   "seconds": null
  },
  "table": "vitbench101",
  "table_digest": "8780c75c0440fbc3e604fe04c9eca42b"
 },
 "results": {
  "golden": [
   {
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 163.7632094059656,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 38.135808600872714,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 162.69530604696067,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 39.89596295971812,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 108.67364185420051,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 38.59385618299874,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 109.16125681854072,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 39.50212181595875,
    "space": "pit-micro"
   }
  ],
  "init_agreement": 0.9821428571428572,
  "margin": {
   "ci95": [
    -0.14116330533347113,
    0.22471879481549564
   ],
   "joint": 0.054166666666666696,
   "rival": "macs"
  },
  "splits": {
   "fit": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.459362956639031,
        0.11278829360681712
       ],
       "dataset": "digits",
       "kendall": -0.18195633571851272,
       "kendall_given_params": -0.15530118425494277,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.3177579317400311
      },
      {
       "ci95": [
        -0.36580212549213514,
        0.29312083828394464
       ],
       "dataset": "mnist5k",
       "kendall": -0.04350458540743126,
       "kendall_given_params": 0.02592715695404598,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.11144573666760711
      },
      {
       "ci95": [
        -0.5011892141892794,
        0.3400001532611875
       ],
       "dataset": "digits",
       "kendall": -0.10026551656425872,
       "kendall_given_params": -0.14155712901056905,
       "kendall_iso": -0.5491251783869153,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.1031855886916259
      },
      {
       "ci95": [
        -0.27588192240453785,
        0.5034720573897085
       ],
       "dataset": "mnist5k",
       "kendall": 0.09984334409311829,
       "kendall_given_params": 0.12346308877860353,
       "kendall_iso": 0.2645751311064591,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.10009907859360871
      }
     ],
     "ci95": [
      -0.2841430955407787,
      0.20293099398923323
     ],
     "joint": -0.056470773399271104
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.19980858155070516,
        0.8533093053735255
       ],
       "dataset": "digits",
       "kendall": 0.5882560647712125,
       "kendall_given_params": 0.3781018213063752,
       "kendall_iso": 0.29649972666444047,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7231230228151238
      },
      {
       "ci95": [
        0.17846494102228047,
        0.8230499735990252
       ],
       "dataset": "mnist5k",
       "kendall": 0.5654058769819077,
       "kendall_given_params": 0.3868997309455098,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.709653840441396
      },
      {
       "ci95": [
        0.33921579143119807,
        0.9285872313527181
       ],
       "dataset": "digits",
       "kendall": 0.6890999615891347,
       "kendall_given_params": 0.44153779399622417,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8365252076557848
      },
      {
       "ci95": [
        0.22088814478195012,
        0.8761172479245517
       ],
       "dataset": "mnist5k",
       "kendall": 0.5941474602165634,
       "kendall_given_params": 0.30916391981806207,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7579104332955225
      }
     ],
     "ci95": [
      0.3764437273215667,
      0.7937198896115747
     ],
     "joint": 0.6092273408897045
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.18221006086524322,
        0.8790713020798554
       ],
       "dataset": "digits",
       "kendall": 0.5842373946721772,
       "kendall_given_params": 0.3926878873856808,
       "kendall_iso": -0.20619652471058064,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7006218331113981
      },
      {
       "ci95": [
        -0.06601520442362452,
        0.8036635245447877
       ],
       "dataset": "mnist5k",
       "kendall": 0.4125143236626951,
       "kendall_given_params": 0.1558467191876756,
       "kendall_iso": -0.4536323543632774,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5334085355299109
      },
      {
       "ci95": [
        0.5819119691590348,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.8376374334404133,
       "kendall_given_params": 0.6594433751634117,
       "kendall_iso": 0.560448538317805,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9179623452280803
      },
      {
       "ci95": [
        0.16274724579118385,
        0.9238125428069273
       ],
       "dataset": "mnist5k",
       "kendall": 0.6043045628127736,
       "kendall_given_params": 0.2652493611359508,
       "kendall_iso": -0.38575837490522974,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7592352185302482
      }
     ],
     "ci95": [
      0.3682701462833118,
      0.8260952574495422
     ],
     "joint": 0.6096734286470148
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.06319955227990229,
        0.816160755234506
       ],
       "dataset": "digits",
       "kendall": 0.5042194840896107,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6259211500945572
      },
      {
       "ci95": [
        0.0,
        0.765781336886433
       ],
       "dataset": "mnist5k",
       "kendall": 0.4472613653737479,
       "kendall_given_params": null,
       "kendall_iso": -0.4447495899966607,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5755344230371031
      },
      {
       "ci95": [
        0.3660262825086772,
        0.9475690911607494
       ],
       "dataset": "digits",
       "kendall": 0.705907277725455,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8335796963612221
      },
      {
       "ci95": [
        0.24101809418457648,
        0.8614992355593705
       ],
       "dataset": "mnist5k",
       "kendall": 0.5882352941176471,
       "kendall_given_params": null,
       "kendall_iso": -0.47280542884465016,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7776141384388807
      }
     ],
     "ci95": [
      0.3217112947246984,
      0.7669688605916616
     ],
     "joint": 0.5614058553266152
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.45446500402252615,
        0.9298245614035088
       ],
       "dataset": "digits",
       "kendall": 0.7333333333333333,
       "kendall_given_params": 0.6189616939144342,
       "kendall_iso": 0.5714285714285714,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8764705882352941
      },
      {
       "ci95": [
        0.38891638293860026,
        0.9639720077220078
       ],
       "dataset": "mnist5k",
       "kendall": 0.7447763937925935,
       "kendall_given_params": 0.6662206759857664,
       "kendall_iso": 0.35714285714285715,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8638707268824695
      },
      {
       "ci95": [
        0.6459412482304727,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.8571731229523383,
       "kendall_given_params": 0.7050249365254119,
       "kendall_iso": 0.5188745216627708,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9410908586127578
      },
      {
       "ci95": [
        0.544487342669204,
        0.9524653399696755
       ],
       "dataset": "mnist5k",
       "kendall": 0.7782494901428224,
       "kendall_given_params": 0.6354149574847998,
       "kendall_iso": 0.2857142857142857,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9168508736759429
      }
     ],
     "ci95": [
      0.6301458564612897,
      0.8973116261068118
     ],
     "joint": 0.7783830850552719
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.018649937858669877,
        0.7201818525416773
       ],
       "dataset": "digits",
       "kendall": 0.40009056945661187,
       "kendall_given_params": 0.2036434340992257,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5243773789347596
      },
      {
       "ci95": [
        0.10734652290173984,
        0.7675936050026881
       ],
       "dataset": "mnist5k",
       "kendall": 0.49579893858757607,
       "kendall_given_params": 0.37305583122135916,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.665193012238573
      },
      {
       "ci95": [
        0.16567019849406628,
        0.853072302683118
       ],
       "dataset": "digits",
       "kendall": 0.5403522368436128,
       "kendall_given_params": 0.08789169790325146,
       "kendall_iso": -0.45993310550389993,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.6827112335382208
      },
      {
       "ci95": [
        0.28730219143618874,
        0.8995005145011424
       ],
       "dataset": "mnist5k",
       "kendall": 0.6262864134295397,
       "kendall_given_params": 0.3596008293012773,
       "kendall_iso": -0.08058229640253803,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7570118587932274
      }
     ],
     "ci95": [
      0.2766052655226237,
      0.7248831486061773
     ],
     "joint": 0.5156320395793351
    }
   },
   "sealed": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.6266374584710832,
        0.11940229002627023
       ],
       "dataset": "digits",
       "kendall": -0.26860220987018546,
       "kendall_given_params": -0.23729776384117454,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.36499962604988395
      },
      {
       "ci95": [
        -0.5650985197539357,
        0.26519251847226477
       ],
       "dataset": "mnist5k",
       "kendall": -0.18195633571851272,
       "kendall_given_params": -0.057603468538581996,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.2611379438405674
      },
      {
       "ci95": [
        -0.6548829753749074,
        0.15326303158003407
       ],
       "dataset": "digits",
       "kendall": -0.30794777052015604,
       "kendall_given_params": -0.31042300748679014,
       "kendall_iso": -0.07844645405527362,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.40526902843623774
      },
      {
       "ci95": [
        -0.5822371188657802,
        0.19486434889320559
       ],
       "dataset": "mnist5k",
       "kendall": -0.2305312431928703,
       "kendall_given_params": -0.16870327146932584,
       "kendall_iso": -0.03779644730092272,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.33287289946979165
      }
     ],
     "ci95": [
      -0.4863509203361273,
      0.031169439256270103
     ],
     "joint": -0.24725938982543114
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.09255050505050505,
        0.7501096491228069
       ],
       "dataset": "digits",
       "kendall": 0.45,
       "kendall_given_params": 0.16796775328675626,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.611764705882353
      },
      {
       "ci95": [
        0.17423340771964627,
        0.8096560846560845
       ],
       "dataset": "mnist5k",
       "kendall": 0.5333333333333333,
       "kendall_given_params": 0.1783803488957807,
       "kendall_iso": -0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6794117647058824
      },
      {
       "ci95": [
        0.1283018947003507,
        0.7605027269468929
       ],
       "dataset": "digits",
       "kendall": 0.46819109191731173,
       "kendall_given_params": 0.15211102569000576,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.6022181221672648
      },
      {
       "ci95": [
        0.4690265486725664,
        0.9099099099099099
       ],
       "dataset": "mnist5k",
       "kendall": 0.7333333333333333,
       "kendall_given_params": 0.48238191061886604,
       "kendall_iso": 0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8970588235294118
      }
     ],
     "ci95": [
      0.3540039253467044,
      0.7033371648139803
     ],
     "joint": 0.5462144396459946
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.13053265981523834,
        0.8396901821723006
       ],
       "dataset": "digits",
       "kendall": 0.5423261445466404,
       "kendall_given_params": 0.34526704842277683,
       "kendall_iso": 0.19702760155977517,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6798722264836911
      },
      {
       "ci95": [
        0.1984972187965163,
        0.8654432606867507
       ],
       "dataset": "mnist5k",
       "kendall": 0.5965587590013045,
       "kendall_given_params": 0.22388683141982255,
       "kendall_iso": 0.11821656093586509,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7340213418673479
      },
      {
       "ci95": [
        0.24757613853585575,
        0.8572650260506494
       ],
       "dataset": "digits",
       "kendall": 0.5776076701249234,
       "kendall_given_params": 0.33871731961307266,
       "kendall_iso": -0.03774256780481986,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7536990495118582
      },
      {
       "ci95": [
        0.4313680518078791,
        0.9414415596423807
       ],
       "dataset": "mnist5k",
       "kendall": 0.7342360411356583,
       "kendall_given_params": 0.5313266197186062,
       "kendall_iso": 0.2545875386086578,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8739888712392936
      }
     ],
     "ci95": [
      0.3995668107191222,
      0.7937464577524174
     ],
     "joint": 0.6126821537021316
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.08108108108108109,
        0.7657657657657657
       ],
       "dataset": "digits",
       "kendall": 0.45,
       "kendall_given_params": null,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6088235294117647
      },
      {
       "ci95": [
        0.23214285714285715,
        0.8598560079443891
       ],
       "dataset": "mnist5k",
       "kendall": 0.5833333333333334,
       "kendall_given_params": null,
       "kendall_iso": 0.0,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.75
      },
      {
       "ci95": [
        0.3165486422836509,
        0.8829775059245422
       ],
       "dataset": "digits",
       "kendall": 0.6214172674538865,
       "kendall_given_params": null,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7690089256106494
      },
      {
       "ci95": [
        0.3090909090909091,
        0.9057040531097135
       ],
       "dataset": "mnist5k",
       "kendall": 0.6666666666666666,
       "kendall_given_params": null,
       "kendall_iso": 0.35714285714285715,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8176470588235294
      }
     ],
     "ci95": [
      0.36398251933058257,
      0.7641296664053382
     ],
     "joint": 0.5803543168634716
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.31515970515970515,
        0.8363636363636363
       ],
       "dataset": "digits",
       "kendall": 0.6,
       "kendall_given_params": 0.44555961390025783,
       "kendall_iso": 0.5714285714285714,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8058823529411765
      },
      {
       "ci95": [
        0.5094253859348199,
        0.8868953687821611
       ],
       "dataset": "mnist5k",
       "kendall": 0.7166666666666667,
       "kendall_given_params": 0.523148363780597,
       "kendall_iso": 0.42857142857142855,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8764705882352941
      },
      {
       "ci95": [
        0.043910354250309015,
        0.8055959683095973
       ],
       "dataset": "digits",
       "kendall": 0.46819109191731173,
       "kendall_given_params": 0.12308185274158928,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.5786017252195289
      },
      {
       "ci95": [
        0.26785714285714285,
        0.8761333643844124
       ],
       "dataset": "mnist5k",
       "kendall": 0.6166666666666667,
       "kendall_given_params": 0.2960571188357752,
       "kendall_iso": 0.2857142857142857,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7411764705882353
      }
     ],
     "ci95": [
      0.3986250036292911,
      0.7502856623787182
     ],
     "joint": 0.6003811063126613
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.018857990066251645,
        0.6328653650851845
       ],
       "dataset": "digits",
       "kendall": 0.35909242322980395,
       "kendall_given_params": 0.16729988681162686,
       "kendall_iso": 0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.48928962311230056
      },
      {
       "ci95": [
        0.08661299062974392,
        0.7732077355846687
       ],
       "dataset": "mnist5k",
       "kendall": 0.46169025843831935,
       "kendall_given_params": 0.2781214521043058,
       "kendall_iso": -0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.611981582986382
      },
      {
       "ci95": [
        -0.05688759914763921,
        0.6913927098044069
       ],
       "dataset": "digits",
       "kendall": 0.3636397710076151,
       "kendall_given_params": 0.04034003780730152,
       "kendall_iso": -0.2692307692307692,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.49037037037037035
      },
      {
       "ci95": [
        0.2230794944054644,
        0.8108503011566983
       ],
       "dataset": "mnist5k",
       "kendall": 0.5594023904871686,
       "kendall_given_params": 0.2583761632934465,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7291562557613451
      }
     ],
     "ci95": [
      0.18992341315110733,
      0.6328659862481568
     ],
     "joint": 0.4359562107907267
    }
   },
   "select": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.9574271077563381,
        0.7089490077940542
       ],
       "dataset": "digits",
       "kendall": -0.23145502494313785,
       "kendall_given_params": -0.3307189138830738,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": -0.2946171696841418
      },
      {
       "ci95": [
        -0.7278949641008391,
        0.5533911741475217
       ],
       "dataset": "mnist5k",
       "kendall": -0.1543033499620919,
       "kendall_given_params": -0.18802535827258873,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": -0.24551430807011815
      },
      {
       "ci95": [
        -0.391304347826087,
        0.8260869565217391
       ],
       "dataset": "digits",
       "kendall": 0.29649972666444047,
       "kendall_given_params": 0.19635227746952644,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.4217173561228949
      },
      {
       "ci95": [
        0.08333333333333333,
        0.9325775467016431
       ],
       "dataset": "mnist5k",
       "kendall": 0.5188745216627708,
       "kendall_given_params": 0.5192907868894986,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6747477697966319
      }
     ],
     "ci95": [
      -0.2620764551555496,
      0.5477289199119604
     ],
     "joint": 0.10740396835549537
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.13043478260869565,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.6428571428571429,
       "kendall_given_params": -0.0785674201318387,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7857142857142857
      },
      {
       "ci95": [
        -0.09090909090909091,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.36851386559504445,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7380952380952381
      },
      {
       "ci95": [
        0.4166666666666667,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7857142857142857,
       "kendall_given_params": 0.7496587917803453,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9285714285714286
      },
      {
       "ci95": [
        -0.25032894736842104,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": 0.30151134457776363,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6666666666666666
      }
     ],
     "ci95": [
      0.2809130434782609,
      0.880027972027972
     ],
     "joint": 0.6428571428571429
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.3240578257865178,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7835467939002064,
       "kendall_given_params": 0.5148314238732347,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8556058190999849
      },
      {
       "ci95": [
        0.14622329292058714,
        0.9789450103725609
       ],
       "dataset": "mnist5k",
       "kendall": 0.7010681840159741,
       "kendall_given_params": 0.49681941263184826,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8045248746761052
      },
      {
       "ci95": [
        -0.0010869565217390686,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.5803810000880093,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.7857142857142857
      },
      {
       "ci95": [
        -0.5,
        0.84
       ],
       "dataset": "mnist5k",
       "kendall": 0.2857142857142857,
       "kendall_given_params": 0.047619047619047596,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.4523809523809524
      }
     ],
     "ci95": [
      0.22077830146357552,
      0.8697152275762216
     ],
     "joint": 0.6032966016219022
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.21739130434782608,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7142857142857143,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8571428571428571
      },
      {
       "ci95": [
        -0.16666666666666666,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5714285714285714,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.6904761904761905
      },
      {
       "ci95": [
        -0.391304347826087,
        0.92
       ],
       "dataset": "digits",
       "kendall": 0.42857142857142855,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6428571428571429
      },
      {
       "ci95": [
        -0.3333333333333333,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6190476190476191
      }
     ],
     "ci95": [
      0.13042391304347822,
      0.8720982142857142
     ],
     "joint": 0.5535714285714286
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        -0.12,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.5714285714285714,
       "kendall_given_params": 0.12499999999999992,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7142857142857143
      },
      {
       "ci95": [
        -0.2729090909090909,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": 0.2110267265416587,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.6428571428571429
      },
      {
       "ci95": [
        -0.08352272727272726,
        0.92
       ],
       "dataset": "digits",
       "kendall": 0.5,
       "kendall_given_params": 0.3243723035407737,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6666666666666666
      },
      {
       "ci95": [
        0.08333333333333333,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.4714045207910318,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.7619047619047619
      }
     ],
     "ci95": [
      0.1616521739130435,
      0.8441801619433198
     ],
     "joint": 0.5535714285714286
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.4129483209670112,
        0.9128709291752769
       ],
       "dataset": "digits",
       "kendall": 0.3086066999241838,
       "kendall_given_params": -0.2401922307076307,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.36827146210517725
      },
      {
       "ci95": [
        -0.3336637910010459,
        0.9047619047619048
       ],
       "dataset": "mnist5k",
       "kendall": 0.38575837490522974,
       "kendall_given_params": 0.051209155649918875,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.527855762350754
      },
      {
       "ci95": [
        0.04742857142857144,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.5477225575051662,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.7857142857142857
      },
      {
       "ci95": [
        0.4782608695652174,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.8571428571428571,
       "kendall_given_params": 0.838870492807861,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9523809523809523
      }
     ],
     "ci95": [
      0.17595632912056053,
      0.8387212084392791
     ],
     "joint": 0.5485912687073534
    }
   }
  }
 },
 "sign": 1,
 "statistics": [
  "input",
  "input_grad",
  "output",
  "output_grad",
  "weight"
 ]
}
"""
    ),
    __name__,
)
score = proxy.score
score_many = proxy.score_many
