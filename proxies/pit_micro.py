"""Ranks pit-micro alone.

    sqrt(nodes_norm(shallow(tanh(mean_log(reciprocal(matmul(activation_grad, activation))))))) * logabs(nodes_mean(min(logabs(output_grad))) + nodes_mean(sine(l1(weight))))

Made by: python -m autoprox.evolve --spaces pit-micro
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{
 "digest": "0660150ba3a76457103034c61e87612c",
 "format": "autoprox.proxy",
 "format_version": 1,
 "formula": "sqrt(nodes_norm(shallow(tanh(mean_log(reciprocal(matmul(activation_grad, activation))))))) * logabs(nodes_mean(min(logabs(output_grad))) + nodes_mean(sine(l1(weight))))",
 "graph": "mul(sqrt(nodes_norm(shallow(tanh(mean_log(reciprocal(matmul(activation_grad, activation))))))), logabs(add(nodes_mean(min(logabs(output_grad))), nodes_mean(sine(l1(weight))))))",
 "name": "pit_micro",
 "provenance": {
  "aggregate": "mean",
  "bank": {
   "digest": "115a9e24c150f11bb6ac5cbbaa69e1b2",
   "leaves": 279
  },
  "batches": {
   "pit-micro/digits": "21d126d3c34805ee687a95487e7a1879",
   "pit-micro/mnist5k": "a0d8baee330f427dc621fdb9756a0499"
  },
  "ending": "budget",
  "evaluated": 20000,
  "init_seeds": 1,
  "rejected": {
   "constant": 841,
   "duplicate": 58,
   "kinds": 1,
   "undefined": 357
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
  "table_digest": "d823193dadbd735ce881c3a4efb7351a"
 },
 "results": {
  "golden": [
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 4.443643263422875,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 2.22482140478016,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 4.461236139379261,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 2.438807173541364,
    "space": "pit-micro"
   }
  ],
  "init_agreement": 1.0,
  "splits": {
   "fit": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.47200056478012653,
        0.35301756000587753
       ],
       "dataset": "digits",
       "kendall": -0.0820354226434844,
       "kendall_given_params": -0.11320441272133762,
       "kendall_iso": -0.5491251783869153,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.09264107597861304
      },
      {
       "ci95": [
        -0.27005697574955956,
        0.5579152570628607
       ],
       "dataset": "mnist5k",
       "kendall": 0.12654276706088277,
       "kendall_given_params": 0.1508031429812886,
       "kendall_iso": 0.2645751311064591,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.12935622008318018
      }
     ],
     "ci95": [
      -0.3214146079383114,
      0.4126076822464914
     ],
     "joint": 0.022253672208699185
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.3208675031679385,
        0.9279279279279279
       ],
       "dataset": "digits",
       "kendall": 0.6722926454528143,
       "kendall_given_params": 0.4205794205794206,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.818852139888409
      },
      {
       "ci95": [
        0.2609797297297297,
        0.9065420560747663
       ],
       "dataset": "mnist5k",
       "kendall": 0.6166666666666667,
       "kendall_given_params": 0.3895531171602277,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7705882352941177
      }
     ],
     "ci95": [
      0.33329291199598043,
      0.9010585069472749
     ],
     "joint": 0.6444796560597406
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.5781999484357797,
        0.9906123044792187
       ],
       "dataset": "digits",
       "kendall": 0.8205427919416294,
       "kendall_given_params": 0.6351099671736629,
       "kendall_iso": 0.560448538317805,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.915005944760357
      },
      {
       "ci95": [
        0.06456771689099429,
        0.9244730766443263
       ],
       "dataset": "mnist5k",
       "kendall": 0.5594023904871686,
       "kendall_given_params": 0.23762973752348704,
       "kendall_iso": -0.38575837490522974,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.6863515362935738
      }
     ],
     "ci95": [
      0.35107249992293743,
      0.9404869795103916
     ],
     "joint": 0.689972591214399
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.3636748680936646,
        0.9252846219201358
       ],
       "dataset": "digits",
       "kendall": 0.6890999615891347,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8306341850666594
      },
      {
       "ci95": [
        0.14277919737623262,
        0.8558558558558559
       ],
       "dataset": "mnist5k",
       "kendall": 0.54393781569122,
       "kendall_given_params": null,
       "kendall_iso": -0.47280542884465016,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7019869450135229
      }
     ],
     "ci95": [
      0.29764023102386994,
      0.8738747604973943
     ],
     "joint": 0.6165188886401773
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.39100207738543513,
        0.9814799187698406
       ],
       "dataset": "digits",
       "kendall": 0.7227145938617754,
       "kendall_given_params": 0.5334431480991202,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8453617415394725
      },
      {
       "ci95": [
        0.8070175438596491,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.9166666666666666,
       "kendall_given_params": 0.8795573736097719,
       "kendall_iso": 0.8571428571428571,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9823529411764705
      }
     ],
     "ci95": [
      0.6245413242646177,
      0.9733724352125123
     ],
     "joint": 0.8196906302642211
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.18052681451082306,
        0.8705530902613249
       ],
       "dataset": "digits",
       "kendall": 0.5580687036253706,
       "kendall_given_params": 0.14317869171397604,
       "kendall_iso": -0.45993310550389993,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.6931914498425357
      },
      {
       "ci95": [
        0.17849071581750592,
        0.8431931302813309
       ],
       "dataset": "mnist5k",
       "kendall": 0.5446144859178875,
       "kendall_given_params": 0.26090327853833434,
       "kendall_iso": -0.08058229640253803,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7011411224511012
      }
     ],
     "ci95": [
      0.20295826595301547,
      0.8427937650572083
     ],
     "joint": 0.5513415947716291
    }
   },
   "sealed": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.5906089515647861,
        0.1736969392781708
       ],
       "dataset": "digits",
       "kendall": -0.25360404631071676,
       "kendall_given_params": -0.2448449006252936,
       "kendall_iso": -0.07844645405527362,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.3575909074364136
      },
      {
       "ci95": [
        -0.6063363514732198,
        0.21008265742047919
       ],
       "dataset": "mnist5k",
       "kendall": -0.2305312431928703,
       "kendall_given_params": -0.17065256375257745,
       "kendall_iso": -0.03779644730092272,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.31943856720419467
      }
     ],
     "ci95": [
      -0.546145927785436,
      0.16351179117694467
     ],
     "joint": -0.24206764475179354
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.2231986533604663,
        0.7678602042443837
       ],
       "dataset": "digits",
       "kendall": 0.5192664837628367,
       "kendall_given_params": 0.20852434812424267,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.68538339105839
      },
      {
       "ci95": [
        0.4180721003134796,
        0.8532110091743119
       ],
       "dataset": "mnist5k",
       "kendall": 0.6666666666666666,
       "kendall_given_params": 0.41674678716864105,
       "kendall_iso": 0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.861764705882353
      }
     ],
     "ci95": [
      0.3747207312824109,
      0.7567813092718683
     ],
     "joint": 0.5929665752147517
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.28836000633697234,
        0.866212562437419
       ],
       "dataset": "digits",
       "kendall": 0.6120917101323815,
       "kendall_given_params": 0.3752609868856567,
       "kendall_iso": -0.03774256780481986,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7727628230737276
      },
      {
       "ci95": [
        0.4267509022561744,
        0.9048981373262527
       ],
       "dataset": "mnist5k",
       "kendall": 0.7004780622328695,
       "kendall_given_params": 0.510764413434722,
       "kendall_iso": 0.2545875386086578,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8504073839883177
      }
     ],
     "ci95": [
      0.3945998356339575,
      0.8625740692317185
     ],
     "joint": 0.6562848861826255
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.35639271980644494,
        0.8829957206133441
       ],
       "dataset": "digits",
       "kendall": 0.6554675286842364,
       "kendall_given_params": null,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8065071799954331
      },
      {
       "ci95": [
        0.2406313131313131,
        0.8771929824561403
       ],
       "dataset": "mnist5k",
       "kendall": 0.6,
       "kendall_given_params": null,
       "kendall_iso": 0.35714285714285715,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7352941176470589
      }
     ],
     "ci95": [
      0.32750058267336657,
      0.8687068899332081
     ],
     "joint": 0.6277337643421181
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.19023377547809084,
        0.8750091067839364
       ],
       "dataset": "digits",
       "kendall": 0.5873670062235365,
       "kendall_given_params": 0.13901623208282854,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7193571367358532
      },
      {
       "ci95": [
        0.26126126126126126,
        0.8750548245614035
       ],
       "dataset": "mnist5k",
       "kendall": 0.6166666666666667,
       "kendall_given_params": 0.25310879886733306,
       "kendall_iso": 0.2857142857142857,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7764705882352941
      }
     ],
     "ci95": [
      0.2620474949932759,
      0.8676064642459324
     ],
     "joint": 0.6020168364451016
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.03720221191279235,
        0.725653043269618
       ],
       "dataset": "digits",
       "kendall": 0.43290448929477987,
       "kendall_given_params": 0.12190896727686408,
       "kendall_iso": -0.2692307692307692,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.5633804364819324
      },
      {
       "ci95": [
        0.2159128323034752,
        0.8108997263190912
       ],
       "dataset": "mnist5k",
       "kendall": 0.5594023904871686,
       "kendall_given_params": 0.3049218509140254,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7203001069059441
      }
     ],
     "ci95": [
      0.14328078042313483,
      0.7405349438836406
     ],
     "joint": 0.4961534398909742
    }
   },
   "select": {
    "depth": {
     "blocks": [
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
        -0.30453424999056167,
        0.8842064838140006
       ],
       "dataset": "mnist5k",
       "kendall": 0.3706246583305506,
       "kendall_given_params": 0.3461938579263324,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.5181098946652709
      }
     ],
     "ci95": [
      -0.32659863237109044,
      0.8132202844993978
     ],
     "joint": 0.3335621924974955
    },
    "macs": {
     "blocks": [
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
        0.04,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.502518907629606,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.7380952380952381
      }
     ],
     "ci95": [
      0.3333333333333333,
      1.0
     ],
     "joint": 0.7142857142857143
    },
    "mean_width": {
     "blocks": [
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
        -0.21790890269151136,
        0.9092803030303028
       ],
       "dataset": "mnist5k",
       "kendall": 0.42857142857142855,
       "kendall_given_params": 0.23809523809523805,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.5952380952380952
      }
     ],
     "ci95": [
      -0.08333333333333334,
      0.9166666666666667
     ],
     "joint": 0.5357142857142857
    },
    "params": {
     "blocks": [
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
        -0.28133333333333327,
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
      -0.2272727272727273,
      0.9131340579710144
     ],
     "joint": 0.4642857142857143
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.2375776397515528,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7142857142857143,
       "kendall_given_params": 0.6330541649476574,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.8333333333333334
      },
      {
       "ci95": [
        0.6190476190476191,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.9285714285714286,
       "kendall_given_params": 0.9045340337332908,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9761904761904762
      }
     ],
     "ci95": [
      0.5217391304347826,
      1.0
     ],
     "joint": 0.8214285714285714
    },
    "sum_dim_depth": {
     "blocks": [
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
        0.08333333333333333,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.7142857142857143,
       "kendall_given_params": 0.6622661785325219,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.8809523809523809
      }
     ],
     "ci95": [
      0.17373188405797102,
      0.9583749999999999
     ],
     "joint": 0.6785714285714286
    }
   }
  }
 },
 "sign": 1,
 "statistics": [
  "activation",
  "activation_grad",
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
