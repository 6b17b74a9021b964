"""Ranks both micro spaces on all data sets of the embedded table.

    nodes_sum(only_body(minmax(rank(min(input_grad)))) * sine(params + sqrt(mean_abs(reciprocal(input**2)))))

Made by: python -m autoprox.evolve
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{
 "digest": "cef242431943d743a2061bc53c451cca",
 "format": "autoprox.proxy",
 "format_version": 1,
 "formula": "nodes_sum(only_body(minmax(rank(min(input_grad)))) * sine(params + sqrt(mean_abs(reciprocal(input**2)))))",
 "graph": "nodes_sum(mul(only_body(minmax(rank(min(input_grad)))), sine(add(params, sqrt(mean_abs(reciprocal(square(input))))))))",
 "name": "joint_micro",
 "provenance": {
  "aggregate": "mean",
  "bank": {
   "digest": "0b4af1d9aed0ddffa2eeaf8d84a24711",
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
   "constant": 833,
   "duplicate": 70,
   "kinds": 2,
   "undefined": 145
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
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 23737.94781090843,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 4874.934347308897,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 24011.38560281313,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 5351.480540133636,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 19446.280530020285,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 6119.198503550722,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 18641.413558584994,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 6302.752360435572,
    "space": "pit-micro"
   }
  ],
  "init_agreement": 0.9821428571428572,
  "splits": {
   "fit": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.4589104865895032,
        0.10087264415385475
       ],
       "dataset": "digits",
       "kendall": -0.18195633571851272,
       "kendall_given_params": -0.15530118425494277,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.3222124821849848
      },
      {
       "ci95": [
        -0.36840031563398135,
        0.32290159381872796
       ],
       "dataset": "mnist5k",
       "kendall": -0.043322937075836364,
       "kendall_given_params": 0.024270192172235427,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.1291819629036575
      },
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
      -0.2675169356602995,
      0.20155596815468033
     ],
     "joint": -0.04519298209423769
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.19645911410592737,
        0.8584070796460177
       ],
       "dataset": "digits",
       "kendall": 0.5882560647712125,
       "kendall_given_params": 0.3781018213063752,
       "kendall_iso": 0.29649972666444047,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7260685341096864
      },
      {
       "ci95": [
        0.22850371624081703,
        0.7838351789143392
       ],
       "dataset": "mnist5k",
       "kendall": 0.5546414324985718,
       "kendall_given_params": 0.3798281117543718,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7319595566988116
      },
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
      0.39862947917996605,
      0.7826425658205554
     ],
     "joint": 0.6079642023473163
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.17009153391174223,
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
       "spearman": 0.7127015198891808
      },
      {
       "ci95": [
        -0.06723267202289557,
        0.7826193313131815
       ],
       "dataset": "mnist5k",
       "kendall": 0.4016632088371218,
       "kendall_given_params": 0.14926662080368383,
       "kendall_iso": -0.4536323543632774,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5269763356807714
      },
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
      0.3395970361644034,
      0.8190082206434783
     ],
     "joint": 0.5914614464845243
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.05478107706828445,
        0.8215068922305764
       ],
       "dataset": "digits",
       "kendall": 0.5042194840896107,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6288666613891198
      },
      {
       "ci95": [
        0.03521923181709697,
        0.75
       ],
       "dataset": "mnist5k",
       "kendall": 0.4369902195443293,
       "kendall_given_params": null,
       "kendall_iso": -0.4447495899966607,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5817384806761179
      },
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
      0.3106742503978658,
      0.740028269012397
     ],
     "joint": 0.5435618702285736
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.40540540540540543,
        0.8938053097345132
       ],
       "dataset": "digits",
       "kendall": 0.6833333333333333,
       "kendall_given_params": 0.5501323542029937,
       "kendall_iso": 0.42857142857142855,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8558823529411764
      },
      {
       "ci95": [
        0.36254484573068646,
        0.8750276548672566
       ],
       "dataset": "mnist5k",
       "kendall": 0.6666666666666666,
       "kendall_given_params": 0.5692218062092651,
       "kendall_iso": 0.35714285714285715,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8411764705882353
      },
      {
       "ci95": [
        0.7089592462948315,
        0.9819819819819819
       ],
       "dataset": "digits",
       "kendall": 0.8739804390886586,
       "kendall_given_params": 0.7451268460822482,
       "kendall_iso": 0.667124384994991,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9661277046165401
      },
      {
       "ci95": [
        0.5129446640316206,
        0.962272967730559
       ],
       "dataset": "mnist5k",
       "kendall": 0.7833333333333333,
       "kendall_given_params": 0.6754430344052806,
       "kendall_iso": 0.5,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9235294117647059
      }
     ],
     "ci95": [
      0.614508749713033,
      0.8636536871840674
     ],
     "joint": 0.751828443105498
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.018188938483810365,
        0.7233100263643314
       ],
       "dataset": "digits",
       "kendall": 0.40009056945661187,
       "kendall_given_params": 0.2036434340992257,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5288087370666026
      },
      {
       "ci95": [
        0.13621758074543053,
        0.73639787307162
       ],
       "dataset": "mnist5k",
       "kendall": 0.4852162225324867,
       "kendall_given_params": 0.36343019234480556,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6469782872490837
      },
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
      0.2608483011601998,
      0.6974753491825231
     ],
     "joint": 0.4969974953830891
    }
   },
   "sealed": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.5988674316368298,
        0.16679908166113572
       ],
       "dataset": "digits",
       "kendall": -0.2512730350398509,
       "kendall_given_params": -0.2171110411780861,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.37390205595353965
      },
      {
       "ci95": [
        -0.5480805205516737,
        0.20152892619908278
       ],
       "dataset": "mnist5k",
       "kendall": -0.19928551054884727,
       "kendall_given_params": -0.07575107733083296,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.3115850466279497
      },
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
      -0.476892061835656,
      0.05737561530957671
     ],
     "joint": -0.2336734587730713
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.1453269537480064,
        0.7321428571428571
       ],
       "dataset": "digits",
       "kendall": 0.48333333333333334,
       "kendall_given_params": 0.18403519807340724,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.638235294117647
      },
      {
       "ci95": [
        0.16052525740025742,
        0.840742897065673
       ],
       "dataset": "mnist5k",
       "kendall": 0.55,
       "kendall_given_params": 0.18898223650461377,
       "kendall_iso": -0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6764705882352942
      },
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
      0.356846770555886,
      0.7192260024564654
     ],
     "joint": 0.5548166209407092
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.17096893373597177,
        0.842723717408663
       ],
       "dataset": "digits",
       "kendall": 0.5604036826981951,
       "kendall_given_params": 0.33951321023887193,
       "kendall_iso": 0.19702760155977517,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6919053632356148
      },
      {
       "ci95": [
        0.2833814700491255,
        0.8983415518941831
       ],
       "dataset": "mnist5k",
       "kendall": 0.6507913734559685,
       "kendall_given_params": 0.3273268353539885,
       "kendall_iso": 0.11821656093586509,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7701207521231191
      },
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
      0.40345747935453186,
      0.8042115227406749
     ],
     "joint": 0.6309412071298537
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.14279448621553884,
        0.7798665554628856
       ],
       "dataset": "digits",
       "kendall": 0.48333333333333334,
       "kendall_given_params": null,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6294117647058823
      },
      {
       "ci95": [
        0.25227803738317756,
        0.8776996235387358
       ],
       "dataset": "mnist5k",
       "kendall": 0.6,
       "kendall_given_params": null,
       "kendall_iso": 0.0,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7647058823529411
      },
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
      0.3683944307865235,
      0.7722195295881921
     ],
     "joint": 0.5847002155043924
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.06413641802951736,
        0.7194976076555022
       ],
       "dataset": "digits",
       "kendall": 0.45,
       "kendall_given_params": 0.17861332878307168,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5941176470588235
      },
      {
       "ci95": [
        0.2109971028488653,
        0.8545454545454545
       ],
       "dataset": "mnist5k",
       "kendall": 0.5666666666666667,
       "kendall_given_params": 0.2567180154051351,
       "kendall_iso": -0.14285714285714285,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6970588235294117
      },
      {
       "ci95": [
        0.3511256510585778,
        0.8899126451030606
       ],
       "dataset": "digits",
       "kendall": 0.6554675286842364,
       "kendall_given_params": 0.399730989879046,
       "kendall_iso": 0.0,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8005987024863089
      },
      {
       "ci95": [
        0.3391491434602582,
        0.8727559377559377
       ],
       "dataset": "mnist5k",
       "kendall": 0.6333333333333333,
       "kendall_given_params": 0.37340802240746923,
       "kendall_iso": 0.14285714285714285,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8088235294117647
      }
     ],
     "ci95": [
      0.37583306611702944,
      0.7325077496821678
     ],
     "joint": 0.576366882171059
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.02756582252089637,
        0.6701878259645041
       ],
       "dataset": "digits",
       "kendall": 0.37619206243122316,
       "kendall_given_params": 0.17066182799626928,
       "kendall_iso": 0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5129410852567018
      },
      {
       "ci95": [
        0.05662350013775374,
        0.7438972942261143
       ],
       "dataset": "mnist5k",
       "kendall": 0.44459061923690013,
       "kendall_given_params": 0.24817115320439415,
       "kendall_iso": -0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5898083372260058
      },
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
      0.22359673693688215,
      0.651478796036781
     ],
     "joint": 0.45327239036251793
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
        -0.7508337362950159,
        0.578950334814116
       ],
       "dataset": "mnist5k",
       "kendall": -0.1543033499620919,
       "kendall_given_params": -0.1707825127659933,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": -0.22096287726310634
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
      -0.3446740925405958,
      0.5212472434551739
     ],
     "joint": 0.07034150252244031
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
        -0.14345238095238091,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": 0.3042903097250923,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.5714285714285714
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
      0.32690384615384616,
      0.8940670289855073
     ],
     "joint": 0.6428571428571428
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
        0.060327308188897734,
        0.9574271077563381
       ],
       "dataset": "mnist5k",
       "kendall": 0.6185895741317419,
       "kendall_given_params": 0.5037305761933362,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7279034580402857
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
      0.26372822422487513,
      0.8614300054689197
     ],
     "joint": 0.6183912348651299
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
        -0.2806086956521739,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.42857142857142855,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.5238095238095238
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
      0.10407196969696972,
      0.8333695652173914
     ],
     "joint": 0.5178571428571428
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        -0.2009523809523809,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.5,
       "kendall_given_params": 0.07613869876268799,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.6428571428571429
      },
      {
       "ci95": [
        -0.3333333333333333,
        0.9219999999999983
       ],
       "dataset": "mnist5k",
       "kendall": 0.35714285714285715,
       "kendall_given_params": 0.11795356492391768,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.47619047619047616
      },
      {
       "ci95": [
        0.4166666666666667,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7857142857142857,
       "kendall_given_params": 0.7372097807744855,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9285714285714286
      },
      {
       "ci95": [
        0.21739130434782608,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.7857142857142857,
       "kendall_given_params": 0.7071067811865476,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.8571428571428571
      }
     ],
     "ci95": [
      0.26643772893772893,
      0.8771582357859531
     ],
     "joint": 0.6071428571428571
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
        -0.4099363609998925,
        0.9770084209183943
       ],
       "dataset": "mnist5k",
       "kendall": 0.38575837490522974,
       "kendall_given_params": 0.17054776006016162,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.4787529007367304
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
      0.09064092246067285,
      0.8184123316276848
     ],
     "joint": 0.5128769829930677
    }
   }
  }
 },
 "sign": 1,
 "statistics": [
  "input",
  "input_grad",
  "params"
 ]
}
"""
    ),
    __name__,
)
score = proxy.score
score_many = proxy.score_many
